"""What people run on a mounted folder does what it does elsewhere, or is refused plainly."""

import ctypes
import errno
import mmap
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
AT_FDCWD = -100
MAPPED_SIZE = 4096
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

#: A program of several threads that has begun to write.
THREADS = (
    "import os, threading, time; "
    "[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(4)]; "
    "print(1, flush=True)"
)
#: Commands that write {0}; a program that has it open is killed, or none is.
KILLED = {
    "by kill -9": "sh -c 'echo half; kill -KILL $$' > {0}",
    "by Ctrl-C": "sh -c 'echo half; kill -INT $$' > {0}",
    "while it adds": "echo half > {0}; sh -c 'echo more; kill -TERM $$' >> {0}",
    "in a script that goes on": "(echo half; sh -c 'kill -SEGV $$'; echo more) > {0}",
    "with its threads": "{python} -c '{threads}; os.kill(os.getpid(), 15); time.sleep(9)' > {0}",
}
NOT_KILLED = {
    "but another program": "sh -c 'kill -KILL $$'; echo whole > {0}",
    "but fails": "(echo whole; false) > {0}; exit 1",
    "but at its end": "exec > {0}; echo whole",
    "but ended by one of its threads": "{python} -c '{threads}; os._exit(3)' > {0}",
}


def run(folder, command, *, code=0):
    """Run a shell command in the folder, hold its exit code, and give what it wrote."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C", "TERM": "xterm"},
    )
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def names(folder):
    """The names that the folder shows."""
    return sorted(path.name for path in folder.iterdir())


def renameat2(old, new, flags):
    """Rename with flags, which Python does not offer."""
    if LIBC.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def map_new_file(path):
    """Map a new file and close it: the mapping alone keeps it open, and unmapping waits for no answer."""
    with path.open("w+b") as file:
        file.write(b"x")
        file.flush()
        return ctypes.c_void_p(
            LIBC.mmap(None, MAPPED_SIZE, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        )


def type_into(command, folder, *, shown, keys):
    """Run a program on a terminal, type into it once it has shown something, and wait for its end."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "80"}
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as program:
        os.close(theirs)
        screen = bytearray()
        while chunk := read_screen(ours):
            screen += chunk
            if keys and shown in screen:
                os.write(ours, keys)
                keys = b""
        os.close(ours)
        assert program.wait(60) == 0, screen


def read_screen(terminal):
    """What a program shows next; empty when it has ended, or is silent for too long."""
    ready, _, _ = select.select([terminal], [], [], 60)
    try:
        return os.read(terminal, 4096) if ready else b""
    except OSError:  # Linux reports the end of a terminal so
        return b""


class TestSubmitting:
    def test_a_copy_can_be_submitted_at_once(self, folder, base):
        """A script that copies and renames would now and then find its own upload still open."""
        (base / "a.csv").write_bytes(b"number,text\n" * 500)
        loop = "for i in $(seq 300); do cp {} loop-$i && mv loop-$i loop-$i.ready || exit 1; done"
        run(folder, loop.format(base / "a.csv"))
        assert len([name for name in names(folder) if name.startswith("loop-")]) == 300

    def test_uploads_let_go_all_at_once_can_be_submitted(self, mount, folder):
        """A busy host would find uploads still open, as the kernel holds back what nobody waits for."""
        uploads = [folder / f"many-{number}" for number in range(50)]
        mappings = [map_new_file(upload) for upload in uploads]
        renaming = threading.Semaphore(0)

        def submit(upload):
            renaming.release()
            upload.rename(f"{upload}.ready")

        with ThreadPoolExecutor(len(uploads)) as threads:
            mount.process.send_signal(signal.SIGSTOP)  # so that the reports pile up
            for mapping in mappings:
                LIBC.munmap(mapping, MAPPED_SIZE)
            submissions = [threads.submit(submit, upload) for upload in reversed(uploads)]
            for _ in uploads:
                assert renaming.acquire(timeout=60)
            mount.process.send_signal(signal.SIGCONT)
            assert [error for submission in submissions if (error := submission.exception())] == []

    def test_the_new_name_shows_at_once_and_the_old_one_still_answers(self, folder):
        """A person would see a stale name, and a script that looks at the name it gave would fail."""
        run(
            folder,
            "echo hello > submit && mv submit submit.ready && test -f submit.ready && test ! -e submit",
        )
        shown = [name for name in names(folder) if name.startswith("submit")]
        assert shown == ["submit.20250102T030405.processing"]

    def test_a_file_that_is_written_to_is_not_submitted(self, mount, folder):
        """Half a file would be sent while another program still writes to it."""
        with (folder / "busy").open("w"), pytest.raises(OSError) as refusal:
            (folder / "busy").rename(folder / "busy.ready")
        assert refusal.value.errno == errno.EBUSY
        assert "busy is still being written to." in mount.text()

    def test_mv_does_not_misread_why_a_file_is_not_submitted(self, mount, folder):
        """Of an empty file ``mv`` would say that it cannot be moved "to a subdirectory of itself"."""
        assert "Operation not permitted" in run(folder, ": > empty; mv empty empty.ready", code=1)
        assert "empty is empty." in mount.text()

    def test_a_file_in_flight_is_read_only_and_stays(self, folder):
        """Someone could believe to have stopped messages that are being sent."""
        run(folder, "echo hello > flight && mv flight flight.ready")
        name = "flight.20250102T030405.processing"
        assert "Permission denied" in run(folder, f"rm -f {name}", code=1)
        run(folder, f"test ! -w {name} && test -r {name} && test ! -x {name}")
        assert "Permission denied" in run(folder, f"echo more >> {name}", code=2)
        assert "Permission denied" in run(folder, f"mv {name} elsewhere", code=1)
        assert (folder / name).read_text() == "hello\n"


class TestKilledPrograms:
    @pytest.mark.parametrize("how", KILLED)
    def test_what_a_killed_program_leaves_is_cut_off(self, mount, folder, how):
        """Half a file would be sent when somebody presses Ctrl-C, or a host runs out of memory."""
        command = KILLED[how].format(f"'killed {how}'", python=sys.executable, threads=THREADS)
        subprocess.run(["sh", "-c", command], cwd=folder, check=False, timeout=60)
        mount.wait_for_line(f"abandoned killed {how}")

    @pytest.mark.parametrize("how", NOT_KILLED)
    def test_what_others_leave_is_complete(self, mount, folder, how):
        """A file would never be sent because of how a program ends that has written all of it."""
        command = NOT_KILLED[how].format(f"'whole {how}'", python=sys.executable, threads=THREADS)
        subprocess.run(["sh", "-c", command], cwd=folder, check=False, timeout=60)
        mount.wait_for_line(f"closed whole {how}")
        assert f"abandoned whole {how}" not in mount.text()


class TestWriting:
    def test_the_shell_writes_and_appends(self, folder):
        """``>`` and ``>>`` would lose or misplace what a script writes."""
        run(folder, "echo one > shell; echo two >> shell; (echo three; echo four) >> shell")
        assert (folder / "shell").read_text() == "one\ntwo\nthree\nfour\n"

    def test_a_large_copy_keeps_its_bytes(self, folder, base):
        """An upload would be damaged where one write request ends and the next begins."""
        (base / "large").write_bytes(os.urandom(3_000_001))
        run(folder, f"cp {base}/large large && cmp {base}/large large")

    def test_dd_writes_in_the_middle(self, folder):
        """A program that writes at an offset would overwrite the wrong bytes."""
        run(folder, "printf 0123456789 > dd; printf AB | dd of=dd bs=1 seek=4 conv=notrunc")
        run(folder, "printf Z | dd of=dd bs=1 seek=12 conv=notrunc")
        assert (folder / "dd").read_bytes() == b"0123AB6789\0\0Z"

    def test_truncate_shortens_and_lengthens(self, folder):
        """A program that cuts a file, open or not, would leave rows that should be gone."""
        run(folder, "printf 0123456789 > truncate; truncate -s 4 truncate")
        assert (folder / "truncate").read_bytes() == b"0123"
        os.truncate(folder / "truncate", 6)
        assert (folder / "truncate").read_bytes() == b"0123\0\0"

    def test_a_mapped_file_is_written(self, folder):
        """A program that maps files into memory would lose what it wrote."""
        (folder / "mapped").write_bytes(b"0123456789")
        with (folder / "mapped").open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[2:4] = b"AB"
        assert (folder / "mapped").read_bytes() == b"01AB456789"

    def test_a_full_disk_is_reported(self, folder, base):
        """A copy would look complete though the server had no room for it."""
        (base / "big").write_bytes(b"disk full")
        assert "No space left on device" in run(folder, f"cp {base}/big big", code=1)

    def test_close_reports_what_could_not_be_stored(self, folder, base):
        """A copy would look complete though the server could not put it on its disk."""
        (base / "unlucky").write_bytes(b"fail to sync")
        assert "Input/output error" in run(folder, f"cp {base}/unlucky unlucky", code=1)

    def test_fsync_stores_and_a_second_one_has_nothing_to_do(self, mount, folder):
        """An editor's save would not be on the disk, or every close of a reader would cost a disk flush."""
        with (folder / "stored").open("wb", buffering=0) as file:
            file.write(b"bytes")
            os.fsync(file.fileno())
            assert mount.text().splitlines().count("synced stored") == 1
        (folder / "stored").read_bytes()
        mount.wait_for_line("closed stored")
        assert mount.text().splitlines().count("synced stored") == 1


class TestOpenFiles:
    def test_a_file_deleted_while_open_is_gone_and_still_readable(self, folder):
        """Deleting an open file would leave ``.fuse_hidden`` names in everybody's folder."""
        with (folder / "deleted").open("w+b", buffering=0) as file:
            file.write(b"01234")
            (folder / "deleted").unlink()
            assert [name for name in names(folder) if "deleted" in name or "hidden" in name] == []
            assert os.pread(file.fileno(), 9, 0) == b"01234"
            assert os.pwrite(file.fileno(), b"5", 5) == 1

    def test_a_file_replaced_while_open_is_replaced(self, folder):
        """A save by rename would fail, or leave odd names, while anything reads the old file."""
        (folder / "replaced").write_text("old")
        (folder / "replacement").write_text("new")
        with (folder / "replaced").open("rb", buffering=0) as file:
            (folder / "replacement").replace(folder / "replaced")
            assert file.read() == b"old"
        assert (folder / "replaced").read_text() == "new"
        assert [name for name in names(folder) if "repl" in name or "hidden" in name] == ["replaced"]

    def test_an_open_file_can_be_renamed_and_written_further(self, folder):
        """A log rotated under its writer would lose the lines that follow."""
        with (folder / "before").open("wb", buffering=0) as file:
            file.write(b"one")
            (folder / "before").rename(folder / "after")
            file.write(b"two")
            file.truncate(5)
            assert os.fstat(file.fileno()).st_size == 5
        assert (folder / "after").read_bytes() == b"onetw"


class TestNames:
    def test_mv_replaces_a_draft_and_mv_n_keeps_it(self, folder):
        """``mv -n`` would destroy a file, or plain ``mv`` refuse to replace one."""
        run(folder, "echo 1 > mv1; echo 2 > mv2; mv -n mv1 mv2 || true; grep -q 2 mv2 && mv mv1 mv2")
        assert (folder / "mv2").read_text() == "1\n"
        assert not (folder / "mv1").exists()

    def test_flags_of_rename_are_kept_or_refused(self, folder):
        """An exchange would be done as a replacement, and one of the two files be lost."""
        (folder / "left").write_text("left")
        (folder / "right").write_text("right")
        for flags, expected in ((RENAME_EXCHANGE, errno.EINVAL), (RENAME_NOREPLACE, errno.EEXIST)):
            with pytest.raises(OSError) as refusal:
                renameat2(folder / "left", folder / "right", flags)
            assert refusal.value.errno == expected
        assert ((folder / "left").read_text(), (folder / "right").read_text()) == ("left", "right")

    def test_no_replace_reaches_the_filesystem(self, mount, folder):
        """A race between two clients would let the kernel's check pass and replace a file."""
        (folder / "only").write_text("")
        renameat2(folder / "only", folder / "only-moved", RENAME_NOREPLACE)
        mount.wait_for_line("renamed without replacing only-moved")

    def test_names_in_any_script(self, folder):
        """Files with names beyond ASCII would be lost or shown as garbage."""
        run(folder, "echo hi > 'ærø 文字.csv' && cat 'ærø 文字.csv' && ls | grep -q '^ærø 文字.csv$'")
        run(folder, "rm 'ærø 文字.csv' && test ! -e 'ærø 文字.csv'")

    def test_a_name_too_long_is_refused_by_the_filesystem(self, folder):
        """The kernel lets longer names through than any other client could use."""
        assert "File name too long" in run(folder, f"echo > {'x' * 256}", code=2)

    @pytest.mark.parametrize(
        "command",
        ["mkdir sub", "mkdir -p sub/sub", "ln -s target link", "ln /proc/version link", "mkfifo pipe"],
    )
    def test_what_the_folder_cannot_hold_is_refused(self, folder, command):
        """A refusal would read "Function not implemented" or pass in silence."""
        output = run(folder, command, code=1)
        assert "Permission denied" in output or "cross-device" in output

    def test_a_hard_link_and_a_folder_s_removal_are_refused(self, folder):
        """A second name for a file could be submitted while the first is still changed."""
        run(folder, "echo > linked")
        assert "Permission denied" in run(folder, "ln linked second-name", code=1)
        with pytest.raises(PermissionError):
            os.mknod(folder / "socket", 0o140644)

    def test_mknod_makes_a_plain_file(self, folder):
        """The rare program that makes files with mknod would fail."""
        os.mknod(folder / "node", 0o100644)
        assert (folder / "node").read_bytes() == b""


class TestAttributes:
    def test_cp_p_keeps_the_time(self, folder, base):
        """Copies with their attributes would fail or show the time of the copy."""
        (base / "dated").write_text("x")
        os.utime(base / "dated", (1_000_000_000, 1_000_000_000))
        run(folder, f"cp -p {base}/dated dated")
        assert (folder / "dated").stat().st_mtime == 1_000_000_000

    def test_touch_sets_the_present_time(self, folder):
        """``touch`` would date a file to 1970."""
        run(folder, "echo > touched; touch -d 2001-02-03T04:05:06Z touched")
        assert (folder / "touched").stat().st_mtime == 981173106
        before = time.time()
        run(folder, "touch touched")
        assert before - 1 < (folder / "touched").stat().st_mtime < before + 60

    def test_setting_only_the_time_of_access_leaves_the_other(self, folder):
        """``touch -a`` would date a file to 1970."""
        run(folder, "echo > accessed; touch -d 2001-02-03T04:05:06Z accessed; touch -a accessed")
        assert (folder / "accessed").stat().st_mtime == 981173106

    def test_chmod_is_refused_and_says_so(self, mount, folder):
        """A person would believe to have protected a file."""
        run(folder, "echo > chmod")
        assert "Operation not permitted" in run(folder, "chmod 600 chmod", code=1)
        assert "Modes cannot be changed here." in mount.text()

    def test_chown_to_the_owner_shown_is_no_change(self, folder):
        """Programs that keep the owner would fail, or a real change pass in silence."""
        run(folder, f"echo > chown; chown {os.getuid()}:{os.getgid()} chown && chown :{os.getgid()} chown")
        with pytest.raises(PermissionError):
            os.chown(folder / "chown", os.getuid() + 1, -1)

    def test_files_show_size_mode_owner_and_a_number_of_their_own(self, folder):
        """``ls``, ``du`` and backup programs would show or compare the wrong things."""
        (folder / "shown").write_bytes(b"x" * 1025)
        (folder / "other").write_bytes(b"")
        shown = (folder / "shown").stat()
        assert (shown.st_size, shown.st_blocks, shown.st_nlink) == (1025, 3, 1)
        assert (shown.st_mode, shown.st_uid, shown.st_gid) == (0o100644, os.getuid(), os.getgid())
        numbers = {entry.name: entry.inode() for entry in os.scandir(folder)}
        assert numbers["shown"] == shown.st_ino != numbers["other"]

    def test_df_shows_what_is_left(self, folder):
        """``df`` and file managers would call the folder full, or endless."""
        (folder / "measured").write_bytes(bytes(5000))
        usage = os.statvfs(folder)
        assert usage.f_blocks * usage.f_frsize == 1 << 30
        assert 0 < usage.f_bavail < usage.f_blocks
        assert (usage.f_files, usage.f_namemax) == (1000, 255)


class TestEditors:
    @pytest.mark.parametrize("command", ["vim -es -u NONE -c {} -c wq", "vi -es -c {} -c wq"])
    def test_vim_writes_and_edits(self, folder, command):
        """A file could not be corrected in place with vim, or its helper files would stay."""
        edit = command.format("'normal ohello'")
        run(folder, f"{edit} vim.csv && {edit} vim.csv && grep -c hello vim.csv | grep -q 2 && rm vim.csv")
        assert [name for name in names(folder) if "vim.csv" in name] == []

    def test_vim_keeps_a_backup(self, folder):
        """Vim set to keep backups would fail or destroy the file."""
        settings = "set backup backupcopy=no backupskip="
        run(folder, f"echo one > vimb; vim -es -u NONE -c '{settings}' -c 's/one/two/' -c wq vimb")
        assert (folder / "vimb").read_text() == "two\n"
        assert (folder / "vimb~").read_text() == "one\n"

    def test_nano_edits(self, folder):
        """A file could not be corrected in place with nano, or its lock file would stay."""
        (folder / "nano.csv").write_text("one\n")
        type_into(["nano", "-I", "-G", "nano.csv"], folder, shown=b"one", keys=b"two \x18y\r")
        assert (folder / "nano.csv").read_text() == "two one\n"
        assert [name for name in names(folder) if "nano" in name] == ["nano.csv"]

    def test_sed_edits_in_place(self, folder):
        """``sed -i`` would leave its temporary file or lose the original."""
        assert run(folder, "echo one > sed.csv; sed -i s/one/two/ sed.csv") == ""
        assert (folder / "sed.csv").read_text() == "two\n"
        assert [name for name in names(folder) if name.startswith("sed")] == ["sed.csv"]

    @pytest.mark.parametrize("options", ["", "-a", "--inplace", "-t"])
    def test_rsync_uploads_and_then_finds_nothing_to_do(self, folder, base, options):
        """A nightly rsync would fail, or upload everything again every night."""
        source = base / f"rsync{options}.csv"
        source.write_text("number,text\n" * 1000)
        source.chmod(0o644)
        assert run(folder, f"rsync {options} {source} .") == ""
        assert (folder / source.name).read_text() == source.read_text()
        if options in ("-a", "-t"):
            assert run(folder, f"rsync -i {options} {source} .") == ""

    @pytest.mark.parametrize(("mode", "umask"), [(0o600, "022"), (0o644, "077"), (0o664, "002")])
    def test_rsync_uploads_whatever_the_mode_and_the_umask(self, folder, base, mode, umask):
        """The command that the pages give would fail for a user whose files or umask are private."""
        source = base / f"rsync-{umask}.csv"
        source.write_text("number,text\n")
        source.chmod(mode)
        command = f"umask {umask}; rsync -rtp --chmod=F644 -i {source} ."
        assert source.name in run(folder, command)
        assert run(folder, command) == ""
        assert "failed to set permissions" in run(
            folder, f"umask {umask}; rsync -c -p --chmod=F600 {source} .", code=23
        )


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "trace"), [("server-bug", "ValueError"), ("no-errno", "PermissionError")]
    )
    def test_an_error_of_ours_is_an_input_output_error_and_the_mount_goes_on(
        self, mount, folder, name, trace
    ):
        """One bug would make up an error number, hang a program, or end the mount for everybody."""
        run(folder, f"echo > {name}")
        assert "Input/output error" in run(folder, f"rm {name}", code=1)
        assert trace in mount.text()
        run(folder, f"echo still here > after-{name} && cat after-{name}")

    def test_a_refusal_s_sentence_is_in_the_log(self, mount, folder):
        """FUSE shows the person "Permission denied" and no one could tell why."""
        assert "ermission denied" in run(folder, "echo > direct.ready", code=2)
        (line,) = [
            line for line in mount.text().splitlines() if "path=/direct.ready" in line and "info" in line
        ]
        assert "op=create" in line
        assert "Upload under another name, then rename to .ready." in line
