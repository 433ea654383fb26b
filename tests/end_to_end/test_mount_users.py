"""Other users of the host in a mounted folder: the kernel holds each to the owner and mode that are shown."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.server import Installation, Mount

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users"),
    pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="this host has no /dev/fuse"),
]
OWNER, MEMBER, STRANGER, GROUP = 61001, 61002, 61003, 61050
ROWS = "msisdn,message\n4512345601,Hi\n"


@pytest.fixture(scope="module")
def installation(base):
    """A store with an account."""
    (base / "users").mkdir()
    made = Installation(base / "users")
    made.add_account("shop", "correct-horse-battery")
    return made


@pytest.fixture
def folder():
    """A folder that every user gets to."""
    with tempfile.TemporaryDirectory(prefix="smsfs-users-") as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve() / "mount"


def run_as(user, command, *groups):
    """The exit status of a shell command that a user runs, and what it said."""
    done = subprocess.run(
        ["sh", "-c", f"{{ {command}; }} 2>&1"],
        user=user,
        group=user,
        extra_groups=groups,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def refused(user, command, *groups):
    """Check that the kernel does not let a user do it."""
    status, said = run_as(user, command, *groups)
    assert status != 0, command
    assert "ermission denied" in said or "not permitted" in said, said


def may(user, command, *groups):
    """Check that a user may do it; what it printed."""
    status, said = run_as(user, command, *groups)
    assert status == 0, said
    return said


def test_a_plain_user_reads_and_writes_in_nobodys_name(installation, folder):
    """Any user of the host, a web server that was broken into, could send messages on the account's bill."""
    with Mount(installation, folder, "shop", "--allow-other"):
        (folder / "list.csv").write_text(ROWS)
        assert may(STRANGER, f"cat '{folder}/list.csv'") == ROWS
        for command in (
            f"cp '{folder}/list.csv' '{folder}/mine.csv'",
            f"mv '{folder}/list.csv' '{folder}/list.csv.ready'",
            f"echo >> '{folder}/list.csv'",
            f": > '{folder}/list.csv'",
            f"rm -f '{folder}/list.csv'",
            f"touch '{folder}/new.csv'",
            f"chmod 666 '{folder}/list.csv'",
            f"chown {STRANGER} '{folder}/list.csv'",
        ):
            refused(STRANGER, command)
        names = {path.name for path in folder.iterdir()}
        assert not names & {"mine.csv", "new.csv"}
        assert [name for name in names if name.startswith("list.csv")] == ["list.csv"]
        assert (folder / "list.csv").read_text() == ROWS
        (folder / "list.csv").unlink()


def test_a_group_may_send_and_nobody_else_gets_in(installation, folder):
    """The people at the reception could not save their lists, or everybody could read them."""
    options = ("--allow-other", "--uid", str(OWNER), "--gid", str(GROUP), "--umask", "007")
    with Mount(installation, folder, "shop", *options):
        may(MEMBER, f"printf '{ROWS}' > '{folder}/group.csv'", GROUP)
        shown = may(MEMBER, f"stat -c '%u %g %a' '{folder}' '{folder}/group.csv'", GROUP)
        assert shown.split("\n")[:2] == [f"{OWNER} {GROUP} 770", f"{OWNER} {GROUP} 660"]
        may(OWNER, f"cat '{folder}/group.csv'")
        for command in (f"ls '{folder}'", f"cat '{folder}/group.csv'", f"touch '{folder}/x'"):
            refused(STRANGER, command)
        may(
            MEMBER,
            f"cp '{folder}/group.csv' '{folder}/b.csv' && mv '{folder}/b.csv' '{folder}/b.csv.ready'",
            GROUP,
        )
        (sent,) = (path for path in folder.iterdir() if path.name.startswith("b.csv."))
        assert sent.name.endswith(".processing")
        assert sent.stat().st_mode & 0o777 == 0o440
        refused(MEMBER, f"echo >> '{sent}'", GROUP)
        may(MEMBER, f"rm '{folder}/group.csv'", GROUP)


def test_a_mount_to_look_at(installation, folder):
    """Whoever is to watch only could send or delete by a slip."""
    with Mount(installation, folder, "shop", "--read-only"):
        for command in (f"touch '{folder}/x.csv'", f"echo > '{folder}/y.csv'"):
            status, said = run_as(0, command)
            assert status != 0
            assert "Read-only file system" in said
        list(folder.iterdir())


def test_a_plain_user_is_told_what_allow_other_needs(folder):
    """A plain user would be left with a code of libfuse."""
    configuration = Path("/etc/fuse.conf")
    lines = configuration.read_text().splitlines() if configuration.exists() else []
    if "user_allow_other" in [line.strip() for line in lines]:
        pytest.skip("this host lets plain users allow others")
    folder.mkdir()
    for path in (folder, folder.parent):
        os.chown(path, STRANGER, STRANGER)
    # what a plain user may not read, the program has in memory before it becomes one
    program = (
        "import os, smsfs.cli.mount as _, smsfs.cli; os.setgid({0}); os.setuid({0}); smsfs.cli.main({1})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program.format(STRANGER, ["mount", str(folder), "--allow-other"])],
        env={**os.environ, "SMSFS_DATA": str(folder.parent / "data")},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "/etc/fuse.conf has a line that says user_allow_other" in done.stderr
    assert not folder.is_mount()
