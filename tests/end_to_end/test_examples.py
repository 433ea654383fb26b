"""The examples of docs/examples, run as a reader runs them against a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def example(tmp_path):
    """Runs an example in a home of its own."""

    def run(*command, **variables):
        return subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def known_hosts(tmp_path, shop, kit):
    """The server's key, known to programs with that home."""
    port = shop.server.port
    key = kit.host_key(port)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    known = tmp_path / ".ssh" / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n", encoding="ascii")
    return known


@pytest.fixture
def files(tmp_path, kit):
    """Makes a file to send."""

    def make(stem, text=None):
        file = tmp_path / f"{stem}.csv"
        file.write_text(text or kit.csv_of(stem), encoding="utf-8")
        return file

    return make


def test_pyfilesystem(shop, example, files):
    """A program made from the example would not send, or not know how its file went."""
    url = f"smsfs://{shop.name}?config={shop.installation.configuration}"
    good, bad = files("plugin-good"), files("plugin-bad", "msisdn,message\n12,Hello\n")
    done = example(sys.executable, EXAMPLES / "send_with_pyfilesystem.py", url, good)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(".success\n")
    shop.wait_for_sent("plugin-good", 3)
    done = example(sys.executable, EXAMPLES / "send_with_pyfilesystem.py", url, bad)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith(".rejected\n")


def test_paramiko(shop, example, files, known_hosts):
    """A program made from the example would not send, or not tell why its file was rejected."""
    assert known_hosts.exists()
    where = ("127.0.0.1", shop.server.port, shop.name, shop.key)
    good, bad = files("paramiko-good"), files("paramiko-bad", "msisdn,message\n12,Hello\n")
    done = example(sys.executable, EXAMPLES / "send_with_paramiko.py", *where, good)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(".success\n")
    shop.wait_for_sent("paramiko-good", 3)
    done = example(sys.executable, EXAMPLES / "send_with_paramiko.py", *where, bad)
    assert (done.returncode, done.stderr) == (1, "")
    assert '#smsfs rejected: line 2, column msisdn: "12" is no phone number' in done.stdout


def test_lftp(shop, example, files, known_hosts, kit):
    """A script made from the example would not send."""
    ssh = f"ssh -a -x -F none -o UserKnownHostsFile={known_hosts}"
    home = known_hosts.parents[1]
    (home / ".lftprc").write_text(f'set sftp:connect-program "{ssh}"\n', encoding="utf-8")
    variables = {
        "SMSFS_URL": f"sftp://127.0.0.1:{shop.server.port}",
        "SMSFS_ACCOUNT": shop.name,
        "LFTP_PASSWORD": kit.password,
    }
    done = example(EXAMPLES / "send-with-lftp", files("lftp example"), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lftp example.csv." in done.stdout
    shop.wait_for_sent("lftp example", 3)
    del variables["LFTP_PASSWORD"]
    assert "LFTP_PASSWORD" in example(EXAMPLES / "send-with-lftp", home, **variables).stderr
