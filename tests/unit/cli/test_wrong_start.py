"""Commands that set up logging or never come back when all is well: each in a process of its own."""

import json
import socket
import subprocess
import sys

import pytest

from smsfs.config import load, open_store
from tests.support.server import Installation, free_ports


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
    said = sentence(installation.run("serve", check=False))
    assert said.startswith(f"smsfs: [sftp] listen: {listen!r} is no address")


def test_pages_have_no_address(tmp_path):
    """Clients would be let in for a moment by a server that ends for a slip elsewhere."""
    process = Installation(tmp_path, {"web": {"listen": ["x"]}}).run("serve", check=False)
    assert sentence(process).startswith("smsfs: [web] listen: 'x' is no address")
    assert process.stdout == ""


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
    runs = [installation.run("mount", str(where), check=False) for where in (missing, file, full)]
    said = [sentence(run) for run in runs]
    assert "does not exist; make it with: mkdir -p" in said[0]
    assert said[1].endswith("is not a folder; give an empty folder.")
    assert said[2].endswith("is not empty; give an empty folder.")
    assert all(run.stderr.count("\n") == 1 for run in runs)


def test_mount_of_an_unknown_account(tmp_path):
    """A slip in a name would mount nothing and say so in a traceback."""
    (tmp_path / "mnt").mkdir()
    installation = Installation(tmp_path)
    open_store(load(installation.configuration)).close()
    process = installation.run("mount", str(tmp_path / "mnt"), "--account", "nobody", check=False)
    assert sentence(process) == "smsfs: There is no account nobody; there are: none yet."


PATCHED = """
import os, sys
from smsfs.cli import main
from smsfs.store.sqlite import SqliteStore
{}
main(sys.argv[1:])
"""


def patched(installation, patch, *arguments):
    """Run a command in a process in which a line of Python has changed something."""
    _, _, _, *arguments = installation.command(*arguments)
    command = [sys.executable, "-c", PATCHED.format(patch), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_host_that_has_not_been_told_the_time(tmp_path):
    """What is submitted before the clock is right would be too old to be sent, or kept, once it is."""
    process = patched(Installation(tmp_path), "SqliteStore.now = lambda _: 1e6", "serve")
    assert sentence(process).startswith("smsfs: The clock says 1970-01-12: set it first;")


def test_a_folder_of_the_store_is_somebody_elses(tmp_path):
    """Whoever copied a store as root would see a traceback when the service starts on it."""
    patch = f"SqliteStore.register = lambda *_: os.mkdir('{tmp_path}/missing/run')"
    process = patched(Installation(tmp_path), patch, "serve")
    assert sentence(process) == f"smsfs: {tmp_path}/missing/run cannot be used: No such file or directory."


def test_closed_pipe(tmp_path):
    """`smsfs files | head -1` would end in a traceback."""
    installation = Installation(tmp_path)
    installation.add_account("clinic", "secret-1")
    command = installation.command("account", "list", "--json")
    shell = ["bash", "-o", "pipefail", "-c", '"$@" | true', "bash", *command]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""


def events(process):
    """What a program that logs as JSON said: each line is an event."""
    return [json.loads(line) for line in process.stderr.splitlines()]


def test_every_line_of_a_json_log_is_json(tmp_path):
    """Whoever collects logs would lose the one sentence that says why a server or its worker ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        sftp = {"listen": [f"127.0.0.1:{taken.getsockname()[1]}"]}
        installation = Installation(tmp_path, {"sftp": sftp, "log": {"format": "json"}})
        process = installation.run("serve", check=False)
    last = events(process)[-1]
    assert (process.returncode, last["event"], last["level"]) == (1, "ended", "critical")
    assert last["reason"].startswith(f"SFTP cannot listen on {sftp['listen'][0]}: Address already in use.")


def test_a_worker_without_its_database_says_so_in_json(tmp_path):
    """Whoever collects logs would not see why nothing is sent while the database is away."""
    (port,) = free_ports(1)
    away = {"url": f"postgresql://smsfs@127.0.0.1:{port}/smsfs?connect_timeout=1"}
    installation = Installation(tmp_path, {"store": away, "log": {"format": "json"}})
    process = installation.run("worker", "intake", check=False)
    (last,) = events(process)
    assert (process.returncode, last["event"], last["command"]) == (75, "ended", "intake")


LIBRARIES = """
import logging, threading, warnings
from smsfs.cli.logs import configure
from smsfs.config import LogConfig
configure(LogConfig("json"))
logging.getLogger("asyncio").error("of a %s", "library", exc_info=ValueError("why"))
warnings.warn("of Python", UserWarning)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("of ours")
"""


def test_what_libraries_say_and_nobody_caught_is_json_too():
    """A collector of logs would see each line of a traceback as an event, or none of them."""
    command = [sys.executable, "-c", LIBRARIES]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    library, python, thread, crash = events(process)
    assert (library["logger"], library["event"], library["level"]) == ("asyncio", "of a library", "error")
    assert "ValueError: why" in library["exception"]
    assert (python["logger"], "of Python" in python["event"]) == ("py.warnings", True)
    assert (thread["event"], crash["event"]) == ("thread_crashed", "crashed")
    assert "ZeroDivisionError" in thread["exception"]
    assert "RuntimeError: of ours" in crash["exception"]
