"""A mount comes up or says in one sentence why not, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from smsfs.errors import ConfigurationError
from smsfs.frontends.fuse import mount as mount_here
from smsfs.frontends.fuse.operations import FusepyOperations

NOBODY = 65534


def never():
    """What no failed mount may call."""
    pytest.fail("a mount that failed was reported as ready")


def refusal_of(folder):
    """The sentence with which a mount on ``folder`` is refused."""
    with pytest.raises(ConfigurationError) as refusal:
        mount_here(None, str(folder), allow_other=False, on_ready=never)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    return sentence


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_signal_unmounts(self, start, number):
        """systemd, Ctrl-C or a closed terminal would leave a dead folder or a failed unit behind."""
        mount = start().wait_until_mounted()
        mount.process.send_signal(number)
        assert mount.process.wait(60) == 0
        assert not mount.is_mounted()
        assert mount.text().splitlines()[-1] == "unmounted"

    def test_fusermount_unmounts(self, start):
        """``fusermount3 -u``, the usual way, would end in an error."""
        mount = start().wait_until_mounted()
        subprocess.run(["fusermount3", "-u", mount.folder], check=True)
        assert mount.process.wait(60) == 0
        assert mount.text().splitlines()[-1] == "unmounted"

    def test_a_handler_set_before_gives_way_and_returns(self, start):
        """A program with a SIGTERM handler of its own could never be unmounted by SIGTERM."""
        mount = start("--own-handler").wait_until_mounted()
        mount.process.terminate()
        assert mount.process.wait(60) == 0
        assert mount.text().splitlines()[-2:] == ["unmounted", "own handler is back"]

    def test_files_open_at_the_end_are_cut_off(self, start):
        """Half an upload would count as complete because the mount was stopped."""
        mount = start().wait_until_mounted()
        file = (mount.folder / "half.csv").open("wb", buffering=0)
        file.write(b"half")
        mount.process.terminate()
        assert mount.process.wait(60) == 0
        with pytest.raises(OSError, match="not connected"):
            file.close()
        assert "abandoned half.csv" in mount.text().splitlines()

    def test_a_copy_completed_before_the_end_is_complete(self, start):
        """A finished upload would be lost with the mount."""
        mount = start().wait_until_mounted()
        (mount.folder / "whole.csv").write_text("whole")
        list(mount.folder.iterdir())  # answered after the report of the close
        mount.process.terminate()
        assert mount.process.wait(60) == 0
        assert "closed whole.csv" in mount.text().splitlines()
        assert "abandoned whole.csv" not in mount.text().splitlines()


class TestStart:
    def test_the_working_folder_stays(self, start, base):
        """A store with a relative path would be looked for under ``/``."""
        start().wait_until_mounted().wait_for_line(f"mounted in {base}")

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
    def test_other_users_get_in_only_when_allowed(self, start):
        """Everybody on the host could read customers' numbers, or with --allow-other nobody could."""
        for arguments, code in (((), 1), (("--allow-other",), 0)):
            mount = start(*arguments).wait_until_mounted()
            (mount.folder / "a.csv").write_text("hello")
            command = ["cat", mount.folder / "a.csv"]
            done = subprocess.run(command, user=NOBODY, capture_output=True, check=False)
            assert done.returncode == code, done.stderr
            mount.end()

    def test_a_folder_that_is_missing(self, base):
        """A typing error would show as a traceback."""
        assert f"{base}/none does not exist; make it with: mkdir -p" in refusal_of(base / "none")

    def test_a_file_in_place_of_the_folder(self, base):
        """A typing error would show as a traceback."""
        (base / "file").write_text("")
        assert "is not a folder" in refusal_of(base / "file")

    def test_a_folder_with_files_in_it(self, base):
        """Files would be hidden under the mount and seem lost."""
        (base / "file").write_text("")
        assert "is not empty" in refusal_of(base)

    def test_a_folder_that_is_mounted_already(self, start):
        """Two mounts on top of each other would confuse which one answers."""
        folder = start().wait_until_mounted().folder
        assert f"unmount it with: fusermount3 -u {folder}" in refusal_of(folder)

    def test_a_mount_whose_process_died(self, start):
        """After a crash the person would read "Transport endpoint is not connected" and be stuck."""
        mount = start().wait_until_mounted()
        mount.process.kill()
        mount.process.wait()
        sentence = refusal_of(mount.folder)
        assert f"fusermount3 -uz {mount.folder}" in sentence
        subprocess.run(["sh", "-c", sentence.partition(": ")[2]], check=True)
        assert start().wait_until_mounted().is_mounted()

    def test_a_folder_that_cannot_be_used(self, base):
        """Any other fault of the folder would show as a traceback."""
        assert "cannot be used: File name too long." in refusal_of(base / ("x" * 256))

    @pytest.mark.skipif(os.getuid() != 0, reason="takes the right to mount away from root")
    def test_a_process_that_may_not_mount(self, start):
        """In a container without the right to mount, the person would see a number."""
        mount = start(prefix=["setpriv", "--bounding-set", "-sys_admin"])
        assert mount.process.wait(60) == 1
        assert f"{mount.folder} could not be mounted" in mount.text().splitlines()[-1]
        assert "mounted in" not in mount.text()


@pytest.mark.usefixtures("no_binding")
class TestMissingParts:
    @pytest.fixture
    def no_binding(self, monkeypatch):
        """A Python without FUSE."""
        monkeypatch.setattr("smsfs.frontends.fuse.binding.DEVICE", Path(os.devnull))
        monkeypatch.setenv("FUSE_LIBRARY_NAME", "no-such-library")
        monkeypatch.setitem(sys.modules, "mfusepy", None)
        monkeypatch.setitem(sys.modules, "fuse", None)

    def test_no_device(self, base, monkeypatch):
        """In a container without /dev/fuse the person would not know what to ask for."""
        monkeypatch.setattr("smsfs.frontends.fuse.binding.DEVICE", base / "none")
        (base / "mount").mkdir()
        assert "--device /dev/fuse" in refusal_of(base / "mount")

    def test_no_python_package(self, base):
        """Without the extra installed the person would see an ImportError."""
        assert "pip install 'smsfs[fuse]'" in refusal_of(base)

    def test_another_package_of_the_same_name(self, base, monkeypatch):
        """Debian's fuse module, which is another one, would fail in the middle."""
        monkeypatch.setitem(sys.modules, "fuse", ModuleType("fuse"))
        assert "is not fusepy" in refusal_of(base)

    def test_no_library(self, base, monkeypatch):
        """Without libfuse the person would see where Python looked for it."""
        monkeypatch.delitem(sys.modules, "mfusepy")
        assert "apt install fuse3" in refusal_of(base)


class TestFusepy:
    def test_calls_and_creates_as_fusepy_does(self):
        """The older binding, which calls by name and without flags, would get no answer."""
        opened = []

        class Filesystem:
            def open(self, path, flags):
                opened.append((path, flags))

        operations = FusepyOperations(Filesystem(), never, os.getpid)
        assert operations("create", "/a.csv", 0o644) == 1
        assert opened == [("/a.csv", os.O_RDWR | os.O_CREAT)]
