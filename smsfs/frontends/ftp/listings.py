"""Listings: LIST, NLST, MLSD, MLST and STAT."""

import fnmatch
import posixpath
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from attrs import evolve

from smsfs.errors import Missing
from smsfs.filesystem import Entry, OpenFolder
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.contents import Contents
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.folders import Folders
from smsfs.frontends.ftp.library import BufferedIteratorProducer
from smsfs.frontends.ftp.transfers import Transfers
from smsfs.frontends.ls_format import one_word

#: Options of ``ls`` on any system that a client may be written for; names of files have a dot or the like.
_is_option = re.compile(r"-[A-Za-z0-9]+|--[A-Za-z0-9=-]+").fullmatch


class Listings:
    """Lists files, on a data connection or on the control connection.

    Args:
        control: the session's connection.
        client: the client.
        folders: where it is.
        contents: which know the file that was stored last.
        transfers: send listings.
    """

    def __init__(
        self, control: Control, client: Client, folders: Folders, contents: Contents, transfers: Transfers
    ) -> None:
        self._control = control
        self._client = client
        self._folders = folders
        self._contents = contents
        self._transfers = transfers

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {
            "LIST": self._list,
            "NLST": self._nlst,
            "MLSD": self._mlsd,
            "MLST": self._mlst,
            "STAT": self._stat,
        }

    def _listed(self, arg: str) -> Iterator[Entry]:
        """What LIST and its kin are about: a folder's files, one file, or the files that match a pattern.

        One part of a folder is held at a time, however long the client takes to read.
        """
        arg = _without_options(arg)
        path = self._folders.path(arg)
        try:
            entry: Entry = self._client.call("stat", path)
        except Missing:
            folder, _, pattern = path.rpartition("/")
            if not set(pattern) & set("*?["):
                raise
            return (entry for entry in self._sorted(folder) if fnmatch.fnmatchcase(entry.name, pattern))
        return self._sorted(path) if entry.is_folder else iter([evolve(entry, name=posixpath.basename(path))])

    def _sorted(self, path: str) -> Iterator[Entry]:
        """The entries of a folder; a fault of the folder is raised before the first of them."""
        folder = OpenFolder(partial(self._client.call, "page", path))
        first, stored = folder.read(), self._stored_last(path)
        return _merged(chain(first, folder), stored)

    def _stored_last(self, folder: str) -> Entry | None:
        """What was stored before this listing, even if it has left the folder already.

        Clients such as rclone look there, once, whether all of it has arrived.
        """
        path = self._contents.take_stored()
        where, name = posixpath.split(path)
        if where != (folder or "/"):
            return None
        try:
            entry: Entry = self._client.call("stat", path)
        except Missing:
            return None
        return evolve(entry, name=name)

    def _send_lines(self, cmd: str, arg: str, line: Callable[[Entry], str]) -> None:
        if self._transfers.can_begin():
            entries = self._listed(arg)
            lines = (line(entry).encode("utf-8", "replace") for entry in entries)
            self._transfers.send(BufferedIteratorProducer(lines), cmd)

    def _long_line(self) -> Callable[[Entry], str]:
        account, now = one_word(self._client.account), time.time()
        return lambda entry: replies.long_line(entry, account, now)

    def _list(self, arg: str) -> None:
        """List as ``ls -l`` does."""
        self._send_lines("LIST", arg, self._long_line())

    def _nlst(self, arg: str) -> None:
        """List names; those that match a pattern come with the pattern's folder, as RETR takes them."""
        arg = _without_options(arg)
        before = "" if self._is_folder(arg) else arg[: arg.rfind("/") + 1]
        self._send_lines("NLST", arg, lambda entry: f"{before}{replies.printable(entry.name)}\r\n")

    def _is_folder(self, arg: str) -> bool:
        try:
            return bool(self._client.call("stat", self._folders.path(arg)).is_folder)
        except Missing:
            return False

    def _mlsd(self, arg: str) -> None:
        """List a folder for programs."""
        path = self._folders.path(arg)
        if not self._client.call("stat", path).is_folder:
            self._control.respond(f"501 {path} is a file, not a folder.")
            return
        wanted = self._control.facts
        self._send_lines(
            "MLSD", path, lambda entry: f"{replies.facts(entry, wanted)} {replies.printable(entry.name)}\r\n"
        )

    def _mlst(self, arg: str) -> None:
        """Show the facts of one file or folder."""
        path = self._folders.path(arg)
        known = replies.facts(self._client.call("stat", path), self._control.facts)
        self._control.push(f"250-Listing\r\n {known} {replies.printable(path)}\r\n")
        self._control.respond("250 End.")

    def _stat(self, arg: str) -> None:
        """Show the session's state, or list on the control connection."""
        if not arg:
            self._control.ftp_STAT("")
            return
        line = self._long_line()
        lines = (f" {line(entry)}".encode("utf-8", "replace") for entry in self._listed(arg))
        self._control.push("213-Status\r\n")
        self._control.push_with_producer(BufferedIteratorProducer(lines))
        self._control.respond("213 End.")


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
