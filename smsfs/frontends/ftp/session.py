"""The commands that touch files: each is a call of the filesystem and a reply."""

import fnmatch
import os
import posixpath
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from attrs import evolve

from smsfs.errors import BadRequest, Exists, IsFolder, Missing, NotAllowed, NotFolder
from smsfs.filesystem import Entry, OpenFolder
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.data import Transfer
from smsfs.frontends.ftp.library import BufferedIteratorProducer, FileProducer
from smsfs.frontends.ls_format import one_word

# ruff: noqa: N802 - the library finds its commands by these names

_CONTROL = frozenset(map(chr, (*range(32), 127)))
_OCTAL = frozenset("01234567")
#: What ``ls`` takes, on whichever system a client was written for; a name has a dot or such in it.
_is_option = re.compile(r"-[A-Za-z0-9]+|--[A-Za-z0-9=-]+").fullmatch


class Session(Control):
    """One client's commands."""

    #: The path that was stored last, until the next listing.
    _stored = ""

    def _call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of the account's filesystem."""
        if self.filesystem is None:
            raise NotAllowed("Log in first.")
        return self.host.call(getattr(self.filesystem, name), *args, **options)

    def _path(self, arg: str) -> str:
        """The absolute path that a client means."""
        if not _CONTROL.isdisjoint(arg):
            raise BadRequest("A file name cannot hold control characters.")
        joined = arg if arg.startswith("/") else f"{self.cwd}/{arg}"
        return str(self._call("normal", joined))

    def _file(self, arg: str) -> tuple[str, Entry]:
        path = self._path(arg)
        entry: Entry = self._call("stat", path)
        if entry.is_folder:
            raise IsFolder(f"{path} is a folder, not a file.")
        return path, entry

    # Folders

    def ftp_PWD(self, _: str) -> None:
        """Tell the current folder."""
        self.respond(f'257 "{_doubled(self.cwd)}" is the current folder.')

    def ftp_CWD(self, arg: str) -> None:
        """Go into a folder."""
        path = self._path(arg or "/")
        try:
            entry = self._call("stat", path)
        except FileNotFoundError:
            raise Missing(f"There is no folder {path}.") from None
        if not entry.is_folder:
            raise NotFolder(f"{path} is a file, not a folder.")
        self.cwd = path
        self.respond(f'250 "{_doubled(path)}" is the current folder.')

    def ftp_CDUP(self, _: str) -> None:
        """Go to the folder above."""
        self.ftp_CWD("..")

    def ftp_MKD(self, arg: str) -> None:
        """Refuse; a folder that is there is told apart, for clients that make theirs first."""
        path = self._path(arg)
        try:
            self._call("stat", path)
        except FileNotFoundError:
            self._call("refuse_folder_change", "mkdir")
        raise Exists(f"{path} exists already.")

    def ftp_RMD(self, _: str) -> None:
        """Refuse."""
        self._call("refuse_folder_change", "rmdir")

    # Listings

    def _listed(self, arg: str) -> Iterator[Entry]:
        """What LIST and its kin are about: a folder's files, one file, or those that a pattern fits.

        Of a folder a part at a time is held, however long the client takes to read.
        """
        arg = _without_options(arg)
        path = self._path(arg)
        try:
            entry: Entry = self._call("stat", path)
        except Missing:
            folder, _, pattern = path.rpartition("/")
            if not set(pattern) & set("*?["):
                raise
            return (entry for entry in self._sorted(folder) if fnmatch.fnmatchcase(entry.name, pattern))
        return self._sorted(path) if entry.is_folder else iter([evolve(entry, name=posixpath.basename(path))])

    def _sorted(self, path: str) -> Iterator[Entry]:
        """The entries of a folder; what is wrong with it is told before the first of them."""
        folder = OpenFolder(partial(self._call, "page", path))
        first, stored = folder.read(), self._stored_last(path)
        return _merged(chain(first, folder), stored)

    def _stored_last(self, folder: str) -> Entry | None:
        """What was stored before this listing, as it shows if it has left the folder already.

        Clients such as rclone look there, once, whether all of it has arrived.
        """
        path, self._stored = self._stored, ""
        where, name = posixpath.split(path)
        if where != (folder or "/"):
            return None
        try:
            entry: Entry = self._call("stat", path)
        except Missing:
            return None
        return evolve(entry, name=name)

    def _send_lines(self, cmd: str, arg: str, line: Callable[[Entry], str]) -> None:
        if self.can_transfer():
            entries = self._listed(arg)
            lines = (line(entry).encode("utf-8", "replace") for entry in entries)
            self.send_data(BufferedIteratorProducer(lines), cmd)

    def _long_line(self) -> Callable[[Entry], str]:
        account, now = one_word(self.username), time.time()
        return lambda entry: replies.long_line(entry, account, now)

    def ftp_LIST(self, arg: str) -> None:
        """List as ``ls -l`` does."""
        self._send_lines("LIST", arg, self._long_line())

    def ftp_NLST(self, arg: str) -> None:
        """List names; those that a pattern fits with the folder that it names, as RETR takes them."""
        arg = _without_options(arg)
        before = "" if self._is_folder(arg) else arg[: arg.rfind("/") + 1]
        self._send_lines("NLST", arg, lambda entry: f"{before}{replies.printable(entry.name)}\r\n")

    def _is_folder(self, arg: str) -> bool:
        try:
            return bool(self._call("stat", self._path(arg)).is_folder)
        except Missing:
            return False

    def ftp_MLSD(self, arg: str) -> None:
        """List a folder for programs."""
        path = self._path(arg)
        if not self._call("stat", path).is_folder:
            self.respond(f"501 {path} is a file, not a folder.")
            return
        wanted = list(self._current_facts)
        self._send_lines(
            "MLSD", path, lambda entry: f"{replies.facts(entry, wanted)} {replies.printable(entry.name)}\r\n"
        )

    def ftp_MLST(self, arg: str) -> None:
        """Tell the facts of one file or folder."""
        path = self._path(arg)
        known = replies.facts(self._call("stat", path), self._current_facts)
        self.push(f"250-Listing\r\n {known} {replies.printable(path)}\r\n")
        self.respond("250 End.")

    def ftp_STAT(self, arg: str) -> None:
        """Tell the session's state, or list on the control connection."""
        if not arg:
            super().ftp_STAT("")
            return
        line = self._long_line()
        lines = (f" {line(entry)}".encode("utf-8", "replace") for entry in self._listed(arg))
        self.push("213-Status\r\n")
        self.push_with_producer(BufferedIteratorProducer(lines))
        self.respond("213 End.")

    # Files

    def ftp_SIZE(self, arg: str) -> None:
        """Tell a file's bytes, in any type: none changes them on the way."""
        _, entry = self._file(arg)
        self.respond(f"213 {entry.size}")

    def ftp_MDTM(self, arg: str) -> None:
        """Tell when a file was modified."""
        _, entry = self._file(arg)
        self.respond(f"213 {replies.timestamp(entry.mtime)}")

    def ftp_MFMT(self, arg: str) -> None:
        """Set when a file was modified."""
        when, _, name = arg.partition(" ")
        path, mtime = self._path(name), replies.seconds_of(when)
        self._call("set_times", path, mtime)
        self.respond(f"213 Modify={replies.timestamp(mtime)}; {path}")

    def ftp_SITE_CHMOD(self, arg: str) -> None:
        """Set a mode, as far as that is accepted."""
        mode, _, name = arg.partition(" ")
        if not mode or not set(mode) <= _OCTAL or not name:
            raise BadRequest("SITE CHMOD takes an octal mode and a name, such as 644 a.csv.")
        self._call("chmod", self._path(name), int(mode, 8))
        self.respond("200 The mode is accepted.")

    def ftp_DELE(self, arg: str) -> None:
        """Delete a file."""
        self._call("remove", self._path(arg))
        self.respond("250 Deleted.")

    def ftp_RNFR(self, arg: str) -> None:
        """Take the name of a file to be renamed."""
        path = self._path(arg)
        self._call("stat", path)
        self._rnfr = path
        self.respond("350 To which name?")

    def ftp_RNTO(self, arg: str) -> None:
        """Rename; an existing draft of that name is replaced."""
        if self._rnfr is None:
            self.respond("503 RNFR comes right before RNTO.")
            return
        old, self._rnfr = self._rnfr, None
        self._call("rename", old, self._path(arg), replace=True)
        self.respond("250 Renamed.")

    # Transfers

    def ftp_REST(self, arg: str) -> None:
        """Take the offset at which the next transfer begins, in any type."""
        if not arg.isascii() or not arg.isdecimal():
            raise BadRequest("REST takes a number of bytes.")
        self._restart_position = int(arg)
        self.respond(f"350 The next transfer begins at {arg}.")

    def _restart(self) -> int:
        offset, self._restart_position = self._restart_position, 0
        return int(offset)

    def ftp_RETR(self, arg: str) -> None:
        """Send a file from an offset on; its bytes as they are, in any type."""
        offset = self._restart()
        if not self.can_transfer():
            return
        path, entry = self._file(arg)
        if self._is_within(offset, entry):
            file = Transfer(self._call("open", path, os.O_RDONLY), path, offset, self.host.call)
            self.send_data(FileProducer(file, "i"), "RETR", file)

    def _is_within(self, offset: int, entry: Entry) -> bool:
        if offset > entry.size:
            self.respond(f"554 {offset} is behind the file's end, which is at {entry.size}.")
        return offset <= entry.size

    def ftp_STOR(self, arg: str) -> None:
        """Take a file in. After REST what stands before the offset is kept, and nothing behind it."""
        offset = self._restart()
        if not self.can_transfer():
            return
        path = self._path(arg)
        if not offset:
            self._receive_at(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, lambda _: 0, "STOR")
        elif self._is_within(offset, self._file(arg)[1]):
            self._receive_at(path, os.O_WRONLY, lambda file: self._cut_at(file, offset), "STOR")

    def _cut_at(self, file: Any, offset: int) -> int:
        self.host.call(file.truncate, offset)
        return offset

    def ftp_APPE(self, arg: str) -> None:
        """Take in what comes behind a file's end."""
        if self._restart():
            raise BadRequest("APPE goes on at the file's end; REST does not go with it.")
        if self.can_transfer():
            path = self._path(arg)
            self._receive_at(
                path,
                os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                lambda file: self.host.call(file.stat).size,
                "APPE",
            )

    def _receive_at(self, path: str, flags: int, start: Callable[[Any], int], cmd: str) -> None:
        file = self._call("open", path, flags)
        try:
            offset = start(file)
        except BaseException:
            self.host.call(file.abandon)
            raise
        self._stored = path
        self.receive(Transfer(file, path, offset, self.host.call), cmd)


def _merged(entries: Iterator[Entry], extra: Entry | None) -> Iterator[Entry]:
    """Entries in the order of their names, and another one among them unless its name is there."""
    for entry in entries:
        if extra and entry.name >= extra.name:
            if entry.name > extra.name:
                yield extra
            extra = None
        yield entry
    if extra:
        yield extra


def _without_options(arg: str) -> str:
    """What LIST is about, without the options of ``ls`` that many clients put before it."""
    first, _, rest = arg.partition(" ")
    if first == "--":
        return rest
    return _without_options(rest) if first and _is_option(first) else arg


def _doubled(path: str) -> str:
    """A path between double quotes (RFC 959, appendix II)."""
    return path.replace('"', '""')
