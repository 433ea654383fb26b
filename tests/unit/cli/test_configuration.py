import os
import subprocess

import pytest

from smsfs.errors import ReadOnly
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.contents import PlainContents
from smsfs.store.sqlite.database import Database


def test_nothing_is_needed(smsfs, tmp_path):
    """The first command of a new user would ask for a configuration."""
    add = ("account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin")
    assert smsfs(*add, text="secret-1\n").status == 0
    assert smsfs("files").status == 0
    assert (tmp_path / "data" / "smsfs.db").is_file()


def test_file_given_comes_first(smsfs, tmp_path, monkeypatch):
    """A command would work on another store than the one that was named."""
    for name in ("given", "environment", "smsfs"):
        url = f"sqlite://{tmp_path}/{name}/smsfs.db"
        (tmp_path / f"{name}.toml").write_text(f'[store]\nurl = "{url}"\n', encoding="utf-8")
    add = ("account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin")
    smsfs(*add, text="secret-1\n")
    monkeypatch.setenv("SMSFS_CONFIG", str(tmp_path / "environment.toml"))
    smsfs(*add, text="secret-1\n")
    smsfs(*add, "-c", "given.toml", text="secret-1\n")
    assert sorted(file.parent.name for file in tmp_path.glob("*/smsfs.db")) == [
        "environment",
        "given",
        "smsfs",
    ]


SMPP = '[backends.x]\ntype = "smpp"\nhost = "h"\nsystem_id = "s"\npassword = "p"\n'
MAIL = '[mail]\nhost = "h"\nsender = "a@b.c"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "no key 'x' (it has store, sftp, ftp, web, mail, pipeline, backends, log, limits)."),
        ("x =", "wrong.toml is not TOML: Invalid value (at end of document)."),
        ("store = 1", "store: 1 is not a table."),
        ("backends = 1", "backends is not a table."),
        ("[store]", "store lacks the key 'url'."),
        ('[store]\nurl = "mysql://x"', "'mysql://x' is not of the form sqlite:///var/"),
        (
            '[store]\nurl = "sqlite:///proc/none/smsfs.db"',
            "/proc/none/smsfs.db cannot be opened: No such file",
        ),
        ('[store]\nurl = "sqlite:///dev/null"', "The store /dev/null cannot be opened: "),
        ("[sftp]\nlissten = []", "sftp has no key 'lissten' (it has listen, login_timeout, "),
        ('[sftp]\nlisten = "x"', "sftp.listen: 'x' is not a list."),
        ("[sftp]\nidle_timeout = true", "sftp.idle_timeout: True is not a number."),
        ("[sftp]\nmax_sessions = 1.5", "sftp.max_sessions: 1.5 is not a whole number."),
        ("[sftp]\nmax_sessions = -1", "sftp.max_sessions: -1 is less than 0."),
        ("[sftp]\nidle_timeout = nan", "sftp.idle_timeout: nan is not a finite number."),
        ("[pipeline]\nstop_grace = inf", "pipeline.stop_grace: inf is not a finite number."),
        ("[sftp]\nmax_connections = 0", "sftp: max_connections is 0, and has to be more."),
        ("[ftp]\nban_window = 0", "ftp: ban_window is 0, and has to be more."),
        ('[mail]\nhost = ""\nsender = "a@b.c"', "mail: host is empty, and has to be the relay's name."),
        ('[pipeline]\ndefault_backend = "x"', "but there is no section [backends.x]."),
        ('[backends.x]\ntype = "x"', "backends.x: type 'x' is none of 'outbox', 'smpp', 'gatewayapi', "),
        ('[backends.x]\npath = "x"', "backends.x: it lacks the key 'type' (outbox, smpp, gatewayapi, "),
        ('[backends.x]\ntype = "smpp"', "backends.x lacks the key 'host'"),
        (SMPP + 'pasword = "x"', "backends.x has no key 'pasword' (it has type, host, "),
        (SMPP + "window = 0", "backends.x: window is 0, and has to be from 1 to 10000."),
        (SMPP + "port = 99999", "backends.x: port is 99999, and has to be from 1 to 65535."),
        (SMPP + "source_ton = 256", "backends.x: source_ton is 256, and has to be from 0 to 255."),
        (SMPP + 'system_type = "thirteen-long"', "system_type is over the 12 characters that SMPP allows."),
        (SMPP + "response_timeout = 0", "backends.x: response_timeout is 0, and has to be more."),
        (SMPP + 'bind = "receiver"', "backends.x.bind: 'receiver' is none of 'transceiver', "),
        (SMPP.replace('"h"', '" "'), "backends.x: host is empty, and has to be the carrier's name"),
        (SMPP + "reconnect_longest = 0.5", "backends.x: reconnect_longest is less than reconnect_first."),
        (SMPP + "enquire_link = 1e9", "backends.x: enquire_link is 1e+09 seconds, which is over ten years."),
        (SMPP + "throughput = 1e-6", "backends.x: throughput is 1e-06, and has to be 0.001 or more, or 0."),
        ("[store]\nurl = 'sqlite:///x/y'\nlease = 0.5", "store: lease is 0.5, and has to be from 1 to 3600."),
        ("[sftp]\nban_time = 1e12", "sftp: ban_time is 1e+12 seconds, which is over ten years."),
        ("[sftp]\nmax_connections = 99999999999", "sftp: max_connections is 99999999999, and has to be "),
        ('[ftp]\nlisten = ["[::]:21", "[::]:21"]', "ftp: listen names '[::]:21' twice."),
        ("[pipeline]\nretry_seconds = 0", "pipeline: retry_seconds is 0, and has to be more."),
        ("[pipeline]\nstop_grace = 1e10", "pipeline: stop_grace is 1e+10 seconds, which is over ten years."),
        ('[backends.x]\ntype = "outbox"\npath = ""', "backends.x: path is empty, and has to be the path of"),
        ('[backends.x]\ntype = "outbox"\npath = "a\\u0000b"', "backends.x: path is 'a\\x00b', and has to be"),
        (MAIL + "port = 70000", "mail: port is 70000, and has to be from 1 to 65535."),
        (MAIL + "port = 0", "mail: port is 0, and has to be from 1 to 65535."),
        (MAIL + 'password = "x"', "mail: password is there, and username is empty: name both, or neither."),
        (MAIL + 'on = "none"', "mail.on: 'none' is none of 'all', 'rejected'."),
        ('[mail]\nhost = "a b"\nsender = "a@b.c"', "mail: host is 'a b', and has to be the relay's name."),
        ('[log]\nformat = "x"', "log.format: 'x' is none of 'console', 'json'."),
    ],
)
def test_wrong_configuration(smsfs, tmp_path, text, told):
    """An operator would be left with a traceback, or a server that passes the mistake over in silence."""
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    done = smsfs("files", "-c", "wrong.toml")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1), done
    assert told in done.err


def test_missing_configuration(smsfs, monkeypatch):
    """A slip in the name would start smsfs on the embedded default, with an empty store."""
    done = smsfs("files", "-c", "missing.toml")
    assert (done.status, done.err) == (1, "smsfs: There is no configuration file missing.toml.\n")
    monkeypatch.setenv("SMSFS_CONFIG", "gone.toml")
    assert smsfs("files").err == "smsfs: There is no configuration file gone.toml.\n"


def test_store_on_a_full_disk(smsfs, tmp_path, monkeypatch):
    """SQLite's own words, an input or output error, would send an operator to look for a broken disk."""
    (tmp_path / "data" / "smsfs.db").mkdir(parents=True)  # what not even root can open
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([0] * 10))
    assert smsfs("files").err.endswith(" The disk is full.\n")


def test_somebody_elses_store(smsfs, tmp_path, monkeypatch):
    """An operator would be told that the database cannot be opened, and not by whom it can."""
    (tmp_path / "data" / "smsfs.db").mkdir(parents=True)  # what not even root can open
    monkeypatch.setattr(os, "access", lambda path, mode, real=os.access: mode == os.F_OK and real(path, mode))
    done = smsfs("files")
    whose = f"{tmp_path}/data/smsfs.db belongs to the user {tmp_path.owner()}: run smsfs as that user.\n"
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert done.err.endswith(whose)


@pytest.fixture
def read_only(tmp_path):
    """A folder whose filesystem takes no changes, once it is told to."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no filesystem can be mounted here: {made.stderr.decode().strip()}")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("there", [False, True])
def test_store_on_a_read_only_filesystem(smsfs, monkeypatch, read_only, there):
    """An operator would be sent to look for another user, where a filesystem was mounted read-only."""
    folder, fix = read_only
    if there:
        SqliteStore(folder / "smsfs.db").close()
    monkeypatch.setenv("SMSFS_DATA", str(folder))
    fix()
    made = ("account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin")
    told = smsfs(*(["files"] if there else made), text="password\n").err
    where = folder / "smsfs.db" if there else folder
    assert told.endswith(f" The filesystem of {where} is mounted read-only: mount it for writing.\n")


def test_upload_to_a_read_only_filesystem(read_only):
    """A disk that was mounted read-only would be told as an error of ours, with a traceback."""
    folder, fix = read_only
    contents = PlainContents(folder / "contents", Database(folder.parent / "smsfs.db"))
    fix()
    with pytest.raises(ReadOnly, match="The server's filesystem is read-only"):
        contents.create()
