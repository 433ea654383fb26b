"""Listings: LIST, NLST, MLSD, MLST and STAT."""

import fnmatch
import posixpath
import re
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import evolve, frozen

from smsfs.errors import Missing
from smsfs.filesystem import Entry
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.contents import Contents
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.folders import Folders
from smsfs.frontends.ftp.transfers import Transfers
from smsfs.frontends.ls_format import one_word

#: Items of a folder that are read, and sent, at a time.
PAGE = 512
T = TypeVar("T")
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

    def _listed(self, arg: str, form: "_Form[T]") -> Iterator[list[T]]:
        """What LIST and its kin are about: a folder's files, one file, or the files that match a pattern.

        One page of a folder is held at a time, however long the client takes to read.
        """
        arg = _without_options(arg)
        path = self._folders.path(arg)
        try:
            entry: Entry = self._client.call("stat", path)
        except Missing:
            folder, _, pattern = path.rpartition("/")
            if not set(pattern) & set("*?["):
                raise
            matches = re.compile(fnmatch.translate(pattern)).match
            pages = self._pages(folder, form)
            return ([item for item in page if matches(form.name(item))] for page in pages)
        if entry.is_folder:
            return self._pages(path, form)
        return iter([[form.of(evolve(entry, name=posixpath.basename(path)))]])

    def _pages(self, path: str, form: "_Form[T]") -> Iterator[list[T]]:
        """What a folder holds; a fault of the folder is raised before the first page."""
        first = self._page(path, "", form)
        stored = self._stored_last(path)
        return _merged(self._behind(path, first, form), form.of(stored) if stored else None, form.name)

    def _page(self, path: str, after: str, form: "_Form[T]") -> list[T]:
        found: list[T] = self._client.call(form.method, path, after, PAGE)
        return found

    def _behind(self, path: str, page: list[T], form: "_Form[T]") -> Iterator[list[T]]:
        """A page, and those that follow it."""
        while page:
            yield page
            page = self._page(path, form.name(page[-1]), form)

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

    def _send_lines(self, cmd: str, arg: str, form: "_Form[T]", line: Callable[[T], str]) -> None:
        if self._transfers.can_begin():
            self._transfers.send(_Lines(self._listed(arg, form), line), cmd)

    def _long_line(self) -> Callable[[Entry], str]:
        account, now = one_word(self._client.account), time.time()
        return lambda entry: replies.long_line(entry, account, now)

    def _list(self, arg: str) -> None:
        """List as ``ls -l`` does."""
        self._send_lines("LIST", arg, _ENTRIES, self._long_line())

    def _nlst(self, arg: str) -> None:
        """List names; those that match a pattern come with the pattern's folder, as RETR takes them."""
        arg = _without_options(arg)
        before = "" if self._is_folder(arg) else arg[: arg.rfind("/") + 1]
        self._send_lines("NLST", arg, _NAMES, lambda name: f"{before}{replies.printable(name)}\r\n")

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
        self._send_lines("MLSD", path, _ENTRIES, lambda entry: replies.facts_line(entry, wanted, entry.name))

    def _mlst(self, arg: str) -> None:
        """Show the facts of one file or folder."""
        path = self._folders.path(arg)
        known = replies.facts_line(self._client.call("stat", path), self._control.facts, path)
        self._control.push(f"250-Listing\r\n {known}")
        self._control.respond("250 End.")

    def _stat(self, arg: str) -> None:
        """Show the session's state, or list on the control connection."""
        if not arg:
            self._control.ftp_STAT("")
            return
        line = self._long_line()
        lines = _Lines(self._listed(arg, _ENTRIES), lambda entry: f" {line(entry)}")
        self._control.push("213-Status\r\n")
        self._control.push_with_producer(lines)
        self._control.respond("213 End.")


@frozen
class _Form(Generic[T]):
    """As what a listing takes files: ``method`` of the filesystem gives a page of them."""

    method: str
    of: Callable[[Entry], T]
    name: Callable[[T], str]


_ENTRIES: _Form[Entry] = _Form("page", lambda entry: entry, lambda entry: entry.name)
_NAMES: _Form[str] = _Form("names", lambda entry: entry.name, lambda name: name)


class _Lines(Generic[T]):
    """Makes what a client gets, a page at a time."""

    def __init__(self, pages: Iterator[list[T]], line: Callable[[T], str]) -> None:
        self._pages = pages
        self._line = line

    def more(self) -> bytes:
        """The lines of the next page; nothing at the end."""
        page = next(filter(None, self._pages), [])
        return "".join(map(self._line, page)).encode("utf-8", "replace")


def _merged(pages: Iterator[list[T]], extra: T | None, name: Callable[[T], str]) -> Iterator[list[T]]:
    """Pages in the order of names, with another item among them unless its name is there."""
    for page in pages:
        if extra is None or name(page[-1]) < name(extra):
            yield page
        else:
            missing = name(extra) not in map(name, page)
            yield sorted([*page, extra], key=name) if missing else page
            extra = None
    if extra is not None:
        yield [extra]


def _without_options(arg: str) -> str:
    """What LIST is about, without the options of ``ls`` that many clients put before it."""
    first, _, rest = arg.partition(" ")
    if first == "--":
        return rest
    return _without_options(rest) if first and _is_option(first) else arg
