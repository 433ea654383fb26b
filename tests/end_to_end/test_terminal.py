"""Strangers and clients who send what acts on a terminal: in the log, in listings, in what commands print."""

# ruff: noqa: S321 - FTP is what is tested

import contextlib
import ftplib
import json
import socket
import unicodedata

import paramiko
import pytest

from tests.support.server import Installation, Server, wait_for

#: Of each kind that acts one: C0, DEL, C1, an override of direction, a separator.
EVIL = "\x1b[2J\x07\x7f\x9b1m\u202e\u2028"
NAME = "worker\u200dbee.csv"


def _acts(text):
    return [c for c in text if unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"} or c in "\u202e\u2066"]


@pytest.fixture(scope="module", params=["console", "json"])
def shop(request, base, kit):
    """An account on a server with SFTP and FTP, which logs everything."""
    home = base / f"terminal-{request.param}"
    home.mkdir()
    sections = {
        **kit.sections,
        "ftp": {"listen": ["127.0.0.1:0"], "plain": True, "ban_after": 1000},
        "log": {"format": request.param, "level": "debug"},
    }
    with Server(Installation(home, sections)) as server:
        yield kit.Account(server, "shop", home)


def _log_in_over_ftp(port, name, password):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client, client.makefile("rwb") as lines:
        lines.readline()
        for command in (b"USER " + name, b"PASS " + password):
            lines.write(command + b"\r\n")
            lines.flush()
            answer = lines.readline()
        return answer


@contextlib.contextmanager
def _sftp(shop, name, password, version="SSH-2.0-mine"):
    with contextlib.closing(
        paramiko.Transport(socket.create_connection(("127.0.0.1", shop.server.port)))
    ) as transport:
        transport.local_version = version
        transport.start_client(timeout=60)
        transport.auth_password(name, password)
        yield paramiko.SFTPClient.from_transport(transport)


def _strangers_knock(shop):
    for name in (EVIL.encode() * 40, b"\xff\xfe\x1b[31m" * 90):
        answer = _log_in_over_ftp(shop.server.ftp_port, name, b"x")
        assert answer.startswith(b"530"), answer
    for name in (EVIL * 20, "x" * 1000):
        with pytest.raises(paramiko.SSHException), _sftp(shop, name, "x"):
            pass
    with _sftp(shop, shop.name, "correct-horse-battery", f"SSH-2.0-{'x' * 100}\x1b[2J{'y' * 100}"):
        pass


def test_the_log_shows_what_strangers_said_and_no_more(shop):
    """Anybody who can connect could clear the operator's screen, or fill the disk by a long name."""
    _strangers_knock(shop)
    wait_for(lambda: shop.server.log.count("session_end"), "the last of them to be logged")
    lines = shop.server.log.split("\n")
    assert not _acts("".join(lines))
    told = [line for line in lines if "login" in line]
    assert len(told) >= 4
    assert max(map(len, told)) < 128 + 200
    if lines[0].startswith("{"):
        values = [value for line in told for value in json.loads(line).values()]
        assert max(len(value) for value in values if isinstance(value, str)) <= 128


def test_listings_steer_nothing_and_names_still_work(shop):
    """An operator's ls would obey the names of a client's files."""
    with shop.session() as sftp:
        for name in (f"a{EVIL}.csv", NAME):
            with sftp.open(name, "w") as file:
                file.write("msisdn,message\n4512345601,Hi\n")
        assert sorted(sftp.listdir()) == sorted([f"a{EVIL}.csv", NAME])
        longnames = "".join(entry.longname for entry in sftp.listdir_attr())
        assert not _acts(longnames)
        assert NAME in longnames
        sftp.rename(f"a{EVIL}.csv", f"a{EVIL}.csv.ready")
    shop.wait_for_sent("a", 1)
    for command in (["files"], ["messages"]):
        for options in ([], ["--json"]):
            assert not _acts(shop.installation.run(*command, *options).stdout.replace("\n", ""))
    lines = []
    with ftplib.FTP(encoding="utf-8", timeout=60) as ftp:
        ftp.connect("127.0.0.1", shop.server.ftp_port)
        ftp.login(shop.name, "correct-horse-battery")
        for command in ("LIST", "NLST", "MLSD"):
            ftp.retrlines(command, lines.append)
        lines.append(ftp.sendcmd("STAT /").replace("\n", ""))
        assert len([line for line in lines if NAME in line]) == 4
        ftp.delete(NAME)
    assert not _acts("".join(lines))
    assert not _acts(shop.server.log.replace("\n", ""))
