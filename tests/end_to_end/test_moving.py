"""The pages about moving from another service, followed word by word."""

import contextlib
import csv
import ftplib
import io
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.support.http_carrier import HttpCarrier, signed_post, status
from tests.support.server import Installation, Server, free_ports, wait_for

PAGE = (Path(__file__).parents[2] / "docs" / "moving-from-gatewayapi.md").read_text(encoding="utf-8")
TOKEN, PASSWORD = "token-0123456789", "the same as before"
ROWS = 3


def blocks(language=""):
    """The code blocks of the page in a language, without their indent."""
    found = re.findall(r"(?ms)^ *```(\w*)\n(.*?)^ *```$", PAGE)
    return [re.sub(r"(?m)^   ", "", block) for name, block in found if name == language]


def command(beginning):
    """The page's block of commands that begins so."""
    return next(block for block in blocks() if block.startswith(beginning))


def sections_of(text):
    """The configuration of the page, section -> key -> value."""
    found = tomllib.loads(text)
    backends = found.pop("backends")
    return found | {f"backends.{name}": keys for name, keys in backends.items()}


@pytest.fixture
def moved(tmp_path, certificate):
    """A server that was set up by the page, on loopback, its token still wrong."""
    carrier = HttpCarrier(tmp_path)
    with carrier.running("--token", TOKEN):
        pass  # it has a port now
    folder = tmp_path / "smsfs"
    folder.mkdir()
    subprocess.run(["sh", "-ec", command("install ")], cwd=folder, check=True)
    (folder / "gateway.token").write_text("mistyped-token", encoding="utf-8")
    [toml] = blocks("toml")
    sections = sections_of(toml)
    for name, port in zip(("sftp", "ftp", "web"), free_ports(3), strict=True):
        sections[name] |= {"listen": [f"127.0.0.1:{port}"]}
    chain, key = certificate
    sections["ftp"] |= {"certificate": str(chain), "key": str(key)}
    del sections["ftp"]["passive_ports"]
    sections["backends.gateway"] |= {"url": carrier.url}
    installation = Installation(folder, {**sections, "log": {"format": "json"}})
    *add, _ = command("smsfs account add").split("\n")
    name, *options = add[0].removeprefix("smsfs account add ").split()
    installation.run("account", "add", name, *options, "--password-stdin", text=PASSWORD + "\n")
    return carrier, installation


def upload(server, stem):
    """As the old program does: upload over FTP, rename, and look until the name says how it went."""
    first = 10_000_000 + 1000 * ord(stem)  # ids have the number in them, and begin anew with each simulator
    rows = "".join(f"45{first + row},Row {row} of {stem}\n" for row in range(ROWS))
    with contextlib.closing(ftplib.FTP()) as client:  # noqa: S321 - as the old program does
        client.connect("127.0.0.1", server.ftp_port, timeout=20)
        client.login("acme", PASSWORD)
        client.storbinary(f"STOR {stem}.csv", io.BytesIO(f"msisdn,message\n{rows}".encode()))
        client.rename(f"{stem}.csv", f"{stem}.csv.ready")
        form = re.compile(rf"{stem}\.csv\.\d{{8}}T\d{{6}}\.success")
        wait_for(lambda: any(map(form.fullmatch, client.nlst())), f"{stem} to be .success")


def states(server):
    """How many messages are in each state."""
    return Counter(row["state"] for row in server.installation.rows("messages"))


def gateway(server):
    """What ``smsfs backends`` says of the carrier."""
    return next(row for row in server.installation.rows("backends") if row["backend"] == "gateway")


def results(folder):
    """The state of each row of the newest result file."""
    client = ftplib.FTP()  # noqa: S321 - as the old program does
    client.connect("127.0.0.1", folder.ftp_port, timeout=20)
    with contextlib.closing(client):
        client.login("acme", PASSWORD)
        found = []
        client.retrlines(f"RETR results/{min(client.nlst('results')).rpartition('/')[2]}", found.append)
    return [row["state"] for row in csv.DictReader(found, strict=True)]


@pytest.mark.slow
def test_a_day_of_a_customer_of_gatewayapi(moved):
    """A customer whose FTP service is closed could not go on by the page."""
    carrier, installation = moved
    with Server(installation) as server:
        with carrier.running("--token", TOKEN):  # the token was mistyped
            upload(server, "a")
            wait_for(lambda: gateway(server)["state"] == "down", "the carrier to be down")
            assert states(server) == {"queued": ROWS}
            (installation.folder / "gateway.token").write_text(TOKEN, encoding="utf-8")
            wait_for(lambda: states(server) == {"submitted": ROWS}, "the first file to leave")
        upload(server, "b")  # nobody answers there
        assert states(server)["submitted"] == ROWS
        with carrier.running("--token", TOKEN, "--error", "0x0216"):  # the credit is used up
            wait_for(lambda: "the credit is used up" in gateway(server)["reason"], "the lack of credit")
            assert states(server)["submitted"] == ROWS
        with carrier.running("--token", TOKEN):
            wait_for(lambda: states(server) == {"submitted": 2 * ROWS}, "the second file to leave")
        assert max(Counter(message.text for message in carrier.received()).values()) == 1
        [shown] = installation.rows("backend", "show", "gateway")
        path = shown["webhook"].removeprefix("https://sms.example.com")
        secret = (installation.folder / "hook.secret").read_text(encoding="utf-8").strip()
        for message in carrier.received():
            address = f"http://127.0.0.1:{server.web_port}{path}"
            assert signed_post(address, status(message, "DELIVERED"), secret) == 200
        wait_for(lambda: states(server) == {"delivered": 2 * ROWS}, "the receipts")
        wait_for(lambda: results(server) == ["delivered"] * ROWS, "the result file")


def test_last_months_files_are_tried(moved):
    """A customer would find out with the first real file that its columns are refused."""
    _, installation = moved
    old = installation.folder / "old"
    old.mkdir()
    (old / "good.csv").write_text("msisdn,message\n4512345678,Hello\n", encoding="utf-8")
    (old / "bad.csv").write_text("msisdn,text\n4512345678,Hello\n", encoding="utf-8")
    assert command("for file in old/*.csv").count("smsfs check") == 1
    good, bad = (
        installation.run("check", str(old / name), "--account", "acme", check=False)
        for name in ("good.csv", "bad.csv")
    )
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "text" in bad.stdout + bad.stderr
