"""Commands that set up logging or never come back when all is well: each in a process of its own."""

import socket
import subprocess

import pytest

from smsfs.testing.server import Installation


def sentence(process):
    """The last line of what a command that failed said; there is no traceback before it."""
    assert process.returncode == 1, process
    assert "Traceback" not in process.stderr
    return process.stderr.splitlines()[-1]


def test_port_taken(tmp_path):
    """Whoever starts a second server by mistake would get a traceback, or two servers and no port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        installation = Installation(tmp_path, {"sftp": {"listen": [listen]}})
        said = sentence(installation.run("serve", check=False))
    assert said.startswith(
        f"smsfs: SFTP cannot listen on {listen}: Address already in use. Stop what listens"
    )


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:99999", ":x", "8022"])
def test_listen_is_no_address(tmp_path, listen):
    """A slip in the configuration would open another port than was meant, or end in a traceback."""
    installation = Installation(tmp_path, {"sftp": {"listen": [listen]}})
    assert f"{listen!r} is no address" in sentence(installation.run("serve", check=False))


@pytest.mark.parametrize(
    ("ca", "why"),
    [("missing.pem", "No such file or directory."), ("smsfs.toml", "they are no PEM certificates.")],
)
def test_certificates_of_a_carrier(tmp_path, ca, why):
    """The server would say that it is ready, and send nothing, for ever."""
    carrier = {
        "type": "smpp",
        "host": "smpp.example.com",
        "system_id": "s",
        "password": "p",
        "tls": True,
        "ca": ca,
    }
    sections = {"pipeline": {"default_backend": "carrier"}, "backends.carrier": carrier}
    said = sentence(Installation(tmp_path, sections).run("serve", check=False))
    assert said == f"smsfs: The certificates in {tmp_path / ca} cannot be used: {why}"


def test_mount_point(tmp_path):
    """Files of the folder would disappear under the mount, or a traceback tell nothing."""
    installation = Installation(tmp_path)
    installation.add_account("clinic", "secret-1")
    missing, file, full = tmp_path / "missing", tmp_path / "file", tmp_path
    file.touch()
    said = [sentence(installation.run("mount", str(where), check=False)) for where in (missing, file, full)]
    assert "does not exist; make it with: mkdir -p" in said[0]
    assert said[1].endswith("is not a folder; give an empty folder.")
    assert said[2].endswith("is not empty; give an empty folder.")


def test_mount_of_an_unknown_account(tmp_path):
    """A slip in a name would mount nothing and say so in a traceback."""
    (tmp_path / "mnt").mkdir()
    process = Installation(tmp_path).run("mount", str(tmp_path / "mnt"), "--account", "nobody", check=False)
    assert sentence(process) == "smsfs: There is no account nobody; there are: none yet."


def test_closed_pipe(tmp_path):
    """`smsfs files | head -1` would end in a traceback."""
    installation = Installation(tmp_path)
    installation.add_account("clinic", "secret-1")
    command = installation.command("account", "list", "--json")
    shell = ["bash", "-o", "pipefail", "-c", '"$@" | true', "bash", *command]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
