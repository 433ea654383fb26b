"""By which protocols a connector may log in."""

# ruff: noqa: S321 - FTP is what is tested

import ftplib
import ssl

import paramiko
import pytest

from tests.support.server import Installation, Server

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def server(base, kit, certificate):
    """A server with SFTP, FTP and FTPS, and an account."""
    (base / "protocols").mkdir()
    installation = Installation(
        base / "protocols", {**kit.sections, "ftp": kit.ftp_section(certificate, "127.0.0.1:0")}
    )
    installation.add_account("practice", PASSWORD)
    (base / "protocols" / "sample.csv").write_text("phone,name\n32476000001,Ada\n")
    with Server(installation) as server:
        yield server


def _ftp(server, name, certificate, *, clear_data=False):
    context = certificate and ssl.create_default_context(cafile=certificate[0])
    with ftplib.FTP_TLS(context=context, timeout=60) if certificate else ftplib.FTP(timeout=60) as client:
        client.connect("localhost", server.ftp_port)
        client.login(name, PASSWORD)
        if certificate and not clear_data:
            client.prot_p()
        return client.nlst()


def _sftp(server, name):
    with paramiko.Transport(("127.0.0.1", server.port)) as transport:
        transport.connect(username=name, password=PASSWORD)
        return paramiko.SFTPClient.from_transport(transport).listdir()


@pytest.mark.parametrize(
    ("protocols", "allowed"), [(None, "sftp ftps"), ("ftps", "ftps"), ("ftp,sftp", "sftp ftp")]
)
def test_a_connector_takes_only_its_protocols(server, certificate, protocols, allowed):
    """A customer's password and files would travel for all to read, by a door that nobody meant to open."""
    name = f"by-{(protocols or 'default').replace(',', '-')}"
    sample = str(server.installation.folder / "sample.csv")
    options = ("--set", f"protocols={protocols}") if protocols else ()
    command = ("connector", "create", name, "--account", "practice", "--sample", sample, "--template", "Hi")
    server.installation.run(*command, "--password-stdin", *options, text=f"{PASSWORD}\n")
    doors = {
        "sftp": lambda: _sftp(server, name),
        "ftps": lambda: _ftp(server, name, certificate),
        "ftp": lambda: _ftp(server, name, None),
    }
    for protocol, enter in doors.items():
        if protocol in allowed.split():
            assert enter() == []
            continue
        with pytest.raises((ftplib.error_perm, paramiko.SSHException)) as caught:
            enter()
        if "ftp" in protocol[:3]:
            assert f"and not for {protocol.upper()}" in str(caught.value)
    if "ftps" in allowed.split():
        with pytest.raises(ftplib.error_perm, match="521 Data connections are encrypted here"):
            _ftp(server, name, certificate, clear_data=True)
    assert _sftp(server, "practice") == []
    assert _ftp(server, "practice", certificate, clear_data=True) == []
