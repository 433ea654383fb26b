"""Mount a filesystem held in memory; run by the tests as a program: ``memory_mount.py MOUNTPOINT``.

It has the rules of the real one that a mount depends on, as small as they can be: who may change what, one
folder, and a rename to ``.ready`` that the server answers with another name. It keeps a journal on standard
output of what became of open files.
"""
# ruff: noqa: D102, ARG002 - the methods and their arguments are those of smsfs.filesystem, which tells of them

import os
import signal
import sys
import time
from pathlib import Path, PurePosixPath

from attrs import define, field, frozen

from smsfs.errors import (
    BadHandle,
    BadRequest,
    ConfigurationError,
    Missing,
    NameTooLong,
    NotAllowed,
    NotPermitted,
    StillOpen,
)
from smsfs.frontends.fuse import mount
from smsfs.states import FileState

SUBMITTED_AT = "20250102T030405"


@frozen
class Entry:
    name: str
    is_folder: bool
    size: int
    mode: int
    mtime: float
    inode: int
    state: FileState | None


@frozen
class Usage:
    files: int
    max_files: int
    bytes: int
    max_bytes: int
    max_name: int


@define(eq=False)
class File:
    name: str
    inode: int
    data: bytearray = field(factory=bytearray)
    state: FileState = FileState.DRAFT
    mtime: float = field(factory=time.time)
    writers: int = 0

    def entry(self):
        mode = 0o644 if self.state is FileState.DRAFT else 0o444
        return Entry(self.name, False, len(self.data), mode, self.mtime, self.inode, self.state)

    def refuse_unless_draft(self):
        if self.state is not FileState.DRAFT:
            raise NotAllowed(f"{self.name} was submitted and cannot be changed.")

    def truncate(self, size):
        self.refuse_unless_draft()
        self.data[:] = self.data[:size].ljust(size, b"\0")
        self.mtime = time.time()


class OpenFile:
    def __init__(self, file, *, writable):
        self.file, self.writable, self.is_open = file, writable, True
        file.writers += writable

    def read(self, offset, size):
        return bytes(self.file.data[offset : offset + size])

    def write(self, offset, data):
        if not self.writable:
            raise BadHandle("Open the file for writing.")
        if b"disk full" in data:
            raise OSError(28, "No space left on device")
        file = self.file
        file.data.extend(bytes(max(0, offset - len(file.data))))
        file.data[offset : offset + len(data)] = data
        file.mtime = time.time()
        return len(data)

    def truncate(self, size):
        self.file.truncate(size)

    def stat(self):
        return self.file.entry()

    def sync(self):
        say("synced", self.file.name)
        if b"fail to sync" in self.file.data:
            raise OSError(5, "Input/output error")

    def close(self):
        self._end("closed")

    def abandon(self):
        self._end("abandoned")

    def _end(self, how):
        if self.is_open:
            self.is_open = False
            self.file.writers -= self.writable
            say(how, self.file.name)


class MemoryFilesystem:
    def __init__(self):
        self.files, self.aliases, self.inodes = {}, {}, 1

    def find(self, path):
        name = PurePosixPath(path).name
        if len(os.fsencode(name)) > 255:
            raise NameTooLong("Names have at most 255 bytes.")
        try:
            return self.files[self.aliases.get(name, name)]
        except KeyError:
            raise Missing(f"There is no file {name} here.") from None

    def stat(self, path):
        if path == "/":
            return Entry("", True, 0, 0o755, 0.0, 1, None)
        return self.find(path).entry()

    def listdir(self, path):
        return [file.entry() for file in self.files.values()]

    def open(self, path, flags):
        name = PurePosixPath(path).name
        if name not in self.files and flags & os.O_CREAT:
            if name.endswith(".ready"):
                raise NotAllowed("Upload under another name, then rename to .ready.")
            self.inodes += 1
            self.files[name] = File(name, self.inodes)
        file, writable = self.find(path), flags & os.O_ACCMODE != os.O_RDONLY
        if writable:
            file.refuse_unless_draft()
        if flags & os.O_TRUNC:
            file.truncate(0)
        return OpenFile(file, writable=writable)

    def rename(self, old, new, *, replace, ends=None):
        file, name = self.find(old), PurePosixPath(new).name
        file.refuse_unless_draft()
        if name.endswith(".ready"):
            if file.writers:
                raise StillOpen(f"{file.name} is still being written to.")
            if not file.data:
                raise BadRequest(f"{file.name} is empty.")
            alias, name = name, f"{name.removesuffix('.ready')}.{SUBMITTED_AT}.processing"
            file.state, self.aliases[alias] = FileState.PROCESSING, name
        if name in self.files:
            self.files[name].refuse_unless_draft()
        del self.files[file.name]
        file.name, self.files[name] = name, file
        say("renamed" if replace else "renamed without replacing", file.name)

    def remove(self, path):
        if "server-bug" in path:
            raise ValueError("an error of ours")
        if "no-errno" in path:
            raise PermissionError("without a number")
        file = self.find(path)
        if file.state is FileState.PROCESSING:
            raise NotAllowed(f"{file.name} is being sent and cannot be deleted.")
        del self.files[file.name]

    def set_times(self, path, mtime):
        self.find(path).mtime = mtime

    def truncate(self, path, size):
        self.find(path).truncate(size)

    def chmod(self, path, mode):
        if path == "/" or not (self.find(path).writers or mode == self.find(path).entry().mode):
            raise NotPermitted("Modes cannot be changed here.")

    def chown(self, path, uid, gid):
        if (uid, gid) != (-1, -1):
            raise NotPermitted("Owners cannot be changed here.")

    def refuse_folder_change(self, what):
        raise NotAllowed(f"{what} is not possible here: put files into the folder that there is.")

    def usage(self):
        used = sum(len(file.data) for file in self.files.values())
        return Usage(len(self.files), 1000, used, 1 << 30, 255)


def say(*words):
    """Tell the tests."""
    print(*words, flush=True)  # noqa: T201 - they read it


def own_handler(_number, _frame):
    """What a program may have set for itself."""


def main():
    """Mount until unmounted, then say so."""
    if "--own-handler" in sys.argv:
        signal.signal(signal.SIGTERM, own_handler)
    try:
        mount(
            MemoryFilesystem(),
            sys.argv[1],
            allow_other="--allow-other" in sys.argv,
            on_ready=lambda: say("mounted in", Path.cwd()),
        )
    except ConfigurationError as error:
        sys.exit(str(error))
    say("unmounted")
    if signal.getsignal(signal.SIGTERM) is own_handler:
        say("own handler is back")


if __name__ == "__main__":
    main()
