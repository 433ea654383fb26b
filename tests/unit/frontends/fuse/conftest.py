"""Real mounts of the memory filesystem, each in a process of its own, and none left behind."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.server import wait_for

PROGRAM = Path(__file__).with_name("memory_mount.py")
PATIENCE = 60.0


class Mount:
    """A mounted folder, the process behind it and what that process wrote."""

    def __init__(self, base, *arguments, prefix=()):
        self.folder, self.output = base / "mount", base / "output"
        self.folder.mkdir(exist_ok=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, PROGRAM, self.folder, *arguments],
                stdout=output,
                stderr=output,
                env={**os.environ, "NO_COLOR": "1"},
                cwd=base,
            )

    def text(self):
        """What the process has written so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def is_mounted(self):
        """Whether the kernel has the mount, alive or stale."""
        return f" {self.folder} " in Path("/proc/self/mounts").read_text(encoding="utf-8")

    def wait_until_mounted(self):
        """Wait for the mount and give it back."""
        wait_for(lambda: "mounted in" in self.text() or self.process.poll() is not None, "the mount answers")
        assert self.process.poll() is None, self.text()
        return self

    def wait_for_line(self, line):
        """Wait for a line of the journal."""
        wait_for(lambda: line in self.text().splitlines(), f"the journal has {line!r}")

    def end(self):
        """Whatever the test did: no process and no mount."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self.process.kill()
        self.process.wait()
        if self.is_mounted():
            subprocess.run(["fusermount3", "-uz", self.folder], check=True)


def skip_without_fuse():
    """Skip the test where nothing can be mounted."""
    if not Path("/dev/fuse").exists():
        pytest.skip("this host has no /dev/fuse, so nothing can be mounted")


@pytest.fixture
def base():
    """A short folder that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="smsfs-fuse-") as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@pytest.fixture
def start(base):
    """Start a mount: ``start(*arguments, prefix=())``."""
    skip_without_fuse()
    with contextlib.ExitStack() as stack:

        def start_one(*arguments, prefix=()):
            mount = Mount(base, *arguments, prefix=prefix)
            stack.callback(mount.end)
            return mount

        yield start_one


@pytest.fixture(scope="module")
def mount():
    """One mount for all tests of a module; each uses file names of its own."""
    skip_without_fuse()
    with tempfile.TemporaryDirectory(prefix="smsfs-fuse-") as name:
        mount = Mount(Path(name).resolve())
        try:
            yield mount.wait_until_mounted()
        finally:
            mount.end()


@pytest.fixture
def folder(mount):
    """The mounted folder."""
    return mount.folder
