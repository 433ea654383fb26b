"""The commands on files whose content stays: attributes, names, deletion."""

from smsfs.errors import BadRequest
from smsfs.frontends.ftp import replies
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler, Prepared
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.folders import Folders
from smsfs.frontends.ftp.standing import complete

_OCTAL = frozenset("01234567")


class Files:
    """Each command is a call of the filesystem and a reply.

    Args:
        control: the session's connection.
        client: the client.
        folders: where it is.
        prepared: holds the file that RNFR named.
    """

    def __init__(self, control: Control, client: Client, folders: Folders, prepared: Prepared) -> None:
        self._control = control
        self._client = client
        self._folders = folders
        self._prepared = prepared

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {
            "SIZE": self._size,
            "MDTM": self._mdtm,
            "MFMT": self._mfmt,
            "SITE CHMOD": self._chmod,
            "DELE": self._dele,
            "RNFR": self._rnfr,
            "RNTO": self._rnto,
        }

    def _size(self, arg: str) -> None:
        """Show a file's size in bytes, which is the same in every type."""
        _, entry = self._folders.file(arg)
        self._control.respond(f"213 {entry.size}")

    def _mdtm(self, arg: str) -> None:
        """Show when a file was modified."""
        _, entry = self._folders.file(arg)
        self._control.respond(f"213 {replies.timestamp(entry.mtime)}")

    def _mfmt(self, arg: str) -> None:
        """Set when a file was modified."""
        when, _, name = arg.partition(" ")
        path, mtime = self._folders.path(name), replies.seconds_of(when)
        self._client.call("set_times", path, mtime)
        self._control.respond(f"213 Modify={replies.timestamp(mtime)}; {path}")

    def _chmod(self, arg: str) -> None:
        """Set a mode, as far as that is accepted."""
        mode, _, name = arg.partition(" ")
        if not mode or not set(mode) <= _OCTAL or not name:
            raise BadRequest("SITE CHMOD takes an octal mode and a name, such as 644 a.csv.")
        self._client.call("chmod", self._folders.path(name), int(mode, 8))
        self._control.respond("200 The mode is accepted.")

    def _dele(self, arg: str) -> None:
        """Delete a file."""
        self._client.call("remove", self._folders.path(arg))
        self._control.respond("250 Deleted.")

    def _rnfr(self, arg: str) -> None:
        """Take the name of a file to be renamed."""
        path = self._folders.path(arg)
        self._client.call("stat", path)
        self._prepared.renamed = path
        self._control.respond("350 To which name?")

    def _rnto(self, arg: str) -> None:
        """Rename; an existing draft of that name is replaced."""
        old = self._prepared.take_renamed()
        if old is None:
            self._control.respond("503 RNFR comes right before RNTO.")
            return
        held = self._control.standing.take()
        try:
            ends = held.open_file if held else None
            self._client.call("rename", old, self._folders.path(arg), replace=True, ends=ends)
        finally:
            if held:  # of no effect if it was ended along with the rename
                complete(held, self._client.log)
        self._control.respond("250 Renamed.")
