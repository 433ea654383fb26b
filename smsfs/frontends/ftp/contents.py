"""The commands that transfer the content of files: REST, RETR, STOR and APPE."""

import os
from collections.abc import Callable

from smsfs.errors import BadRequest
from smsfs.filesystem import Entry, OpenFile
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler, Prepared
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.data import Transfer
from smsfs.frontends.ftp.folders import Folders
from smsfs.frontends.ftp.transfers import Transfers


class Contents:
    """Opens files for transfers. Bytes stay as they are, whatever the type.

    Args:
        control: the session's connection.
        client: the client.
        folders: where it is.
        prepared: holds the offset that REST gave.
        transfers: begin as soon as they can.
    """

    def __init__(
        self, control: Control, client: Client, folders: Folders, prepared: Prepared, transfers: Transfers
    ) -> None:
        self._control = control
        self._client = client
        self._folders = folders
        self._prepared = prepared
        self._transfers = transfers
        self._stored = ""

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {"REST": self._rest, "RETR": self._retr, "STOR": self._stor, "APPE": self._appe}

    def take_stored(self) -> str:
        """The path that was stored last, for the next listing only; empty if there is none."""
        path, self._stored = self._stored, ""
        return path

    def _rest(self, arg: str) -> None:
        """Take the offset at which the next transfer begins, in any type."""
        if not arg.isascii() or not arg.isdecimal():
            raise BadRequest("REST takes a number of bytes.")
        self._prepared.offset = int(arg)
        self._control.respond(f"350 The next transfer begins at {arg}.")

    def _retr(self, arg: str) -> None:
        """Send a file from an offset on."""
        offset = self._prepared.take_offset()
        if not self._transfers.can_begin():
            return
        path, entry = self._folders.file(arg)
        if self._is_within(offset, entry):
            open_file = self._client.call("open", path, os.O_RDONLY)
            file = Transfer(open_file, path, offset, self._client.host.call)
            self._transfers.send(file, "RETR", file)

    def _is_within(self, offset: int, entry: Entry) -> bool:
        if offset > entry.size:
            self._control.respond(f"554 {offset} is behind the file's end, which is at {entry.size}.")
        return offset <= entry.size

    def _stor(self, arg: str) -> None:
        """Take a file in. After REST, what is before the offset stays, and the rest goes."""
        offset = self._prepared.take_offset()
        if not self._transfers.can_begin():
            return
        path = self._folders.path(arg)
        if not offset:
            self._receive_at(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, lambda _: 0, "STOR")
        elif self._is_within(offset, self._folders.file(arg)[1]):
            self._receive_at(path, os.O_WRONLY, lambda file: self._cut_at(file, offset), "STOR")

    def _cut_at(self, file: OpenFile, offset: int) -> int:
        self._client.host.call(file.truncate, offset)
        return offset

    def _appe(self, arg: str) -> None:
        """Append to a file."""
        if self._prepared.take_offset():
            raise BadRequest("APPE goes on at the file's end; REST does not go with it.")
        if self._transfers.can_begin():
            path = self._folders.path(arg)
            self._receive_at(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, self._end_of, "APPE")

    def _end_of(self, file: OpenFile) -> int:
        return int(self._client.host.call(file.stat).size)

    def _receive_at(self, path: str, flags: int, start: Callable[[OpenFile], int], cmd: str) -> None:
        file: OpenFile = self._client.call("open", path, flags)
        try:
            offset = start(file)
        except BaseException:
            self._client.host.call(file.abandon)
            raise
        self._stored = path
        self._transfers.receive(Transfer(file, path, offset, self._client.host.call), cmd)
