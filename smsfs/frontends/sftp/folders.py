"""Requests that list folders."""

from collections.abc import Callable

from attrs import frozen

from smsfs.errors import BadRequest, NotFolder
from smsfs.filesystem import Entry, Filesystem
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.handles import Folder, Handles
from smsfs.frontends.sftp.wire import U32, Answer, Reader, Reply, Request, Status

NAMES_PER_REPLY = 128


@frozen(eq=False)
class FolderRequests:
    """Answers them.

    Attributes:
        filesystem: what the requests act on.
        handles: what is open.
        account: the owner's name in listings.
        owner: the uid and gid shown for every file.
        clock: the time in seconds since the epoch.
    """

    filesystem: Filesystem
    handles: Handles
    account: str
    owner: tuple[int, int]
    clock: Callable[[], float]

    @property
    def answers(self) -> dict[int, Answer]:
        """What answers which request."""
        return {Request.OPENDIR: self._opendir, Request.READDIR: self._readdir}

    def _opendir(self, number: int, request: Reader) -> bytes:
        path = request.path()
        self.handles.require_room()
        try:
            folder = Folder(path, self.filesystem.open_folder(path))
        except NotFolder as refusal:  # clients would take it for "no such file"
            raise BadRequest(refusal.sentence) from refusal
        return wire.reply(Reply.HANDLE, number, self.handles.add(folder))

    def _readdir(self, number: int, request: Reader) -> bytes:
        entries = self._next(self.handles.folder(request))
        if not entries:
            return wire.status(number, Status.EOF, "End of folder")
        now = self.clock()
        names = (wire.listed(entry, name, self.account, self.owner, now) for name, entry in entries)
        return wire.reply(Reply.NAME, number, U32.pack(len(entries)) + b"".join(names))

    def _next(self, handle: Folder) -> list[tuple[str, Entry]]:
        links: list[tuple[str, Entry]] = []
        if not handle.begun:
            own = self.filesystem.stat(handle.path)
            links = [(".", own), ("..", own)]
        entries = handle.folder.read(NAMES_PER_REPLY - len(links))
        handle.begun = True
        return links + [(entry.name, entry) for entry in entries]
