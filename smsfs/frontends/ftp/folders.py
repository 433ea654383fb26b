"""The current folder, paths as a client writes them, and the commands on folders."""

from smsfs.errors import BadRequest, Exists, IsFolder, Missing, NotFolder
from smsfs.filesystem import Entry
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.control import Control

_CONTROL = frozenset(map(chr, (*range(32), 127)))


class Folders:
    """Where the client is.

    Args:
        control: the session's connection.
        client: the client.
    """

    def __init__(self, control: Control, client: Client) -> None:
        self._control = control
        self._client = client
        self._current = "/"

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        return {
            **dict.fromkeys(("PWD", "XPWD"), self._pwd),
            **dict.fromkeys(("CWD", "XCWD"), self._cwd),
            **dict.fromkeys(("CDUP", "XCUP"), lambda _: self._cwd("..")),
            **dict.fromkeys(("MKD", "XMKD"), self._mkd),
            **dict.fromkeys(("RMD", "XRMD"), self._rmd),
        }

    def leave(self) -> None:
        """The login is over."""
        self._current = "/"

    def path(self, arg: str) -> str:
        """The absolute path that a client means."""
        if not _CONTROL.isdisjoint(arg):
            raise BadRequest("A file name cannot hold control characters.")
        joined = arg if arg.startswith("/") else f"{self._current}/{arg}"
        return str(self._client.call("normal", joined))

    def file(self, arg: str) -> tuple[str, Entry]:
        """The absolute path of a file, and its attributes.

        Raises:
            IsFolder: it is a folder.
        """
        path = self.path(arg)
        entry: Entry = self._client.call("stat", path)
        if entry.is_folder:
            raise IsFolder(f"{path} is a folder, not a file.")
        return path, entry

    def _pwd(self, _: str) -> None:
        """Show the current folder."""
        self._control.respond(f'257 "{_doubled(self._current)}" is the current folder.')

    def _cwd(self, arg: str) -> None:
        """Go into a folder."""
        path = self.path(arg or "/")
        try:
            entry = self._client.call("stat", path)
        except FileNotFoundError:
            raise Missing(f"There is no folder {path}.") from None
        if not entry.is_folder:
            raise NotFolder(f"{path} is a file, not a folder.")
        self._current = path
        self._control.respond(f'250 "{_doubled(path)}" is the current folder.')

    def _mkd(self, arg: str) -> None:
        """Refuse; with another sentence for a folder that exists, for clients that make theirs first."""
        path = self.path(arg)
        try:
            self._client.call("stat", path)
        except FileNotFoundError:
            self._client.call("refuse_folder_change", "mkdir")
        raise Exists(f"{path} exists already.")

    def _rmd(self, _: str) -> None:
        """Refuse."""
        self._client.call("refuse_folder_change", "rmdir")


def _doubled(path: str) -> str:
    """A path between double quotes (RFC 959, appendix II)."""
    return path.replace('"', '""')
