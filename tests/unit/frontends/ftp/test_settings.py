import ssl

import pytest

from smsfs.errors import ConfigurationError
from smsfs.frontends.ftp import FtpSettings, passive_range, tls_context
from smsfs.testing.ftp_clients import make_certificate


def test_without_a_certificate_plain_has_to_be_asked_for():
    """Passwords would travel unencrypted because nobody thought of a certificate."""
    with pytest.raises(ConfigurationError, match="or allow FTP without encryption by plain = true"):
        FtpSettings()
    assert FtpSettings(plain=True).tls is None


def test_old_tls_is_refused(certificate):
    """What TLS 1.0 encrypts can be read by others."""
    context = tls_context(*certificate)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.num_tickets == 0
    assert not context.options & ssl.OP_IGNORE_UNEXPECTED_EOF


def test_certificate_and_key_may_share_a_file(certificate, tmp_path):
    """Whoever has one file from an authority would have to take it apart."""
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in certificate))
    tls_context(both)


def test_certificates_that_cannot_be_used_are_told(certificate, tmp_path):
    """An operator would see a traceback of OpenSSL, or clients fail one by one."""
    (tmp_path / "other").mkdir()
    _, foreign = make_certificate(tmp_path / "other")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for pair in ((certificate[0], foreign), (nothing, None), (certificate[0], nothing)):
        with pytest.raises(ConfigurationError, match="PEM files that belong together"):
            tls_context(*pair)
    with pytest.raises(ConfigurationError, match=r"no file .*missing\.pem"):
        tls_context(certificate[0], tmp_path / "missing.pem")


def test_passive_ports_are_read():
    """Data connections would come to ports that the firewall closes."""
    assert passive_range("50000-50100") == range(50000, 50101)
    assert passive_range("50000") == range(50000, 50001)
    assert not passive_range("")


@pytest.mark.parametrize("text", ["x", "0-10", "5-4", "1-65536", "1-2-3", "-5", "5-", "²"])
def test_other_ports_are_refused(text):
    """A mistake would be found when the first customer cannot upload."""
    with pytest.raises(ConfigurationError, match="none of the kind 50000-50100"):
        passive_range(text)


@pytest.mark.parametrize("address", ["example.com", "2001:db8::1", "192.0.2"])
def test_masquerade_address_is_an_ipv4_address(address):
    """Clients would be told an address that the reply cannot hold."""
    with pytest.raises(ConfigurationError, match="no IPv4 address"):
        FtpSettings(plain=True, masquerade_address=address)
