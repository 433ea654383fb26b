import pytest

from smsfs.errors import ConfigurationError
from smsfs.frontends.ftp import FtpSettings, passive_range


def test_without_a_certificate_plain_has_to_be_asked_for():
    """Passwords would travel unencrypted because nobody thought of a certificate."""
    with pytest.raises(ConfigurationError, match="or allow FTP without encryption by plain = true"):
        FtpSettings()
    assert FtpSettings(plain=True).certificate is None


def test_implicit_tls_needs_a_certificate():
    """Every client on that port would be refused, without a word of why."""
    with pytest.raises(ConfigurationError, match="implicit_listen is for TLS"):
        FtpSettings(plain=True, implicit_listen=[("127.0.0.1", 990)])


def test_passive_ports_are_read():
    """Data connections would come to ports that the firewall closes."""
    assert passive_range("50000-50100") == range(50000, 50101)
    assert passive_range("50000") == range(50000, 50001)
    assert not passive_range("")


@pytest.mark.parametrize("text", ["x", "0-10", "5-4", "1-65536", "1-2-3", "-5", "5-", "²"])
def test_other_ports_are_refused(text):
    """A mistake would be found when the first customer cannot upload."""
    with pytest.raises(ConfigurationError, match="not of the form 50000-50100"):
        passive_range(text)


@pytest.mark.parametrize("address", ["example.com", "2001:db8::1", "192.0.2"])
def test_masquerade_address_is_an_ipv4_address(address):
    """Clients would be told an address that the reply cannot hold."""
    with pytest.raises(ConfigurationError, match="no IPv4 address"):
        FtpSettings(plain=True, masquerade_address=address)
