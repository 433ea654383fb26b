"""The certificate of FTPS: what can be used, and that a renewed one is."""

import ftplib
import shutil
import ssl
import subprocess

import pytest
from cryptography import x509

from smsfs.errors import ConfigurationError
from smsfs.frontends.ftp import Certificate

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def issue(folder, name, key=None):
    """Have openssl make a certificate and a key, or one for a key that is there; their paths."""
    certificate, made = folder / f"{name}.pem", folder / f"{name}.key"
    with_key = ("-key", key) if key else (*KEY, "-keyout", made)
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", *with_key, *subject, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key or made


def shown(client):
    """The name on the certificate that a client was shown."""
    found = x509.load_der_x509_certificate(client.sock.getpeercert(binary_form=True))
    return found.subject.rfc4514_string()


def secured(port):
    """A client over TLS that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = ftplib.FTP_TLS(context=context, timeout=20)  # noqa: S321 - FTP is what is tested
    client.connect("127.0.0.1", port)
    client.auth()
    return client


class TestRenewal:
    @pytest.fixture
    def old(self, tmp_path):
        """The paths of the certificate in use and its key."""
        return issue(tmp_path, "old")

    @pytest.fixture
    def show(self, serve, old):
        """Tells what a client that connects now is shown."""
        with serve(certificate=Certificate(*old)) as serving:

            def showing():
                with secured(serving.port) as client:
                    return shown(client)

            assert showing() == "CN=old"
            yield showing

    def test_a_renewed_pair_is_used_by_the_next_client(self, old, show, tmp_path, events):
        """All clients would be refused on the day that the first certificate ends."""
        for path, renewed in zip(old, issue(tmp_path, "new"), strict=True):
            renewed.replace(path)
        assert [show(), show()] == ["CN=new", "CN=new"]
        told = [event["file"] for event in events if event["event"] == "certificate_renewed"]
        assert told == [str(old[0])]

    def test_a_renewed_certificate_of_the_same_key(self, old, show, tmp_path):
        """Tools that keep the key would renew in vain."""
        renewed, _ = issue(tmp_path, "new", old[1])
        shutil.copy(renewed, old[0])  # in place: the file stays, its content changes
        assert show() == "CN=new"

    def test_links_that_are_swapped(self, serve, tmp_path):
        """Tools that keep every version, and a link to the last one, would renew in vain."""
        links = [tmp_path / "live.pem", tmp_path / "live.key"]
        for link, path in zip(links, issue(tmp_path, "old"), strict=True):
            link.symlink_to(path)
        with serve(certificate=Certificate(*links)) as serving:
            for link, path in zip(links, issue(tmp_path, "new"), strict=True):
                link.unlink()
                link.symlink_to(path)
            with secured(serving.port) as client:
                assert shown(client) == "CN=new"

    def test_what_cannot_be_used_is_told_once(self, old, show, tmp_path, events):
        """Between the swaps of two files clients would be refused, or nobody hear why nothing is renewed."""
        certificate, key = issue(tmp_path, "new")
        certificate.replace(old[0])
        assert [show(), show()] == ["CN=old", "CN=old"]
        old[0].unlink()
        old[0].symlink_to("x" * 300)  # what nobody can follow, root neither
        assert [show(), show()] == ["CN=old", "CN=old"]
        told = [event for event in events if event["event"] == "certificate_not_renewed"]
        assert [event["log_level"] for event in told] == ["error", "error"]
        assert "its key cannot be used" in told[0]["reason"]
        assert f"The file {old[0]} cannot be read: File name too long." in told[1]["reason"]
        old[0].unlink()
        issue(tmp_path, "old", key)
        key.replace(old[1])
        assert show() == "CN=old"
        assert [event["event"] for event in events].count("certificate_renewed") == 1

    def test_a_session_shows_one_certificate(self, serve, old, tmp_path):
        """Clients that compare the data connection's certificate with the first one would break off."""
        with serve(certificate=Certificate(*old)) as serving, secured(serving.port) as client:
            client.login("shop", "secret")
            client.prot_p()
            for path, renewed in zip(old, issue(tmp_path, "new"), strict=True):
                renewed.replace(path)
            with client.transfercmd("STOR b.csv") as data:
                assert data.getpeercert(binary_form=True) == client.sock.getpeercert(binary_form=True)
                data.unwrap()
            assert client.voidresp().startswith("226")


def test_old_tls_is_refused(certificate):
    """What TLS 1.0 encrypts can be read by others."""
    context = Certificate(*certificate).context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert not context.options & ssl.OP_IGNORE_UNEXPECTED_EOF


def test_certificate_and_key_may_share_a_file(certificate, tmp_path):
    """Whoever has one file from an authority would have to take it apart."""
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in certificate))
    Certificate(both)


def test_certificates_that_cannot_be_used_are_told(certificate, tmp_path):
    """An operator would see a traceback of OpenSSL, or clients fail one by one."""
    _, foreign = issue(tmp_path, "other")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for pair in ((certificate[0], foreign), (nothing, None), (certificate[0], nothing)):
        with pytest.raises(ConfigurationError, match="PEM files that belong together"):
            Certificate(*pair)
    for wrong, why in (
        ("missing.pem", "No such file or directory"),
        ("", "Is a directory"),
        ("x" * 300, "too long"),
    ):
        with pytest.raises(ConfigurationError, match=rf"{wrong} cannot be read: .*{why}"):
            Certificate(certificate[0], tmp_path / wrong)
