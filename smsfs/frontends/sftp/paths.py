"""Requests about paths: attributes, names, and what cannot be done to folders."""

from attrs import frozen

from smsfs.errors import BadRequest, Exists
from smsfs.filesystem import Filesystem
from smsfs.frontends.sftp import wire
from smsfs.frontends.sftp.files import position
from smsfs.frontends.sftp.wire import U32, Answer, Reader, Reply, Request, Status


@frozen(eq=False)
class PathRequests:
    """Answers them.

    Attributes:
        filesystem: what the requests act on.
        owner: the uid and gid shown for every file.
    """

    filesystem: Filesystem
    owner: tuple[int, int]

    @property
    def answers(self) -> dict[int, Answer]:
        """What answers which request."""
        return {
            Request.LSTAT: self._stat,
            Request.STAT: self._stat,
            Request.SETSTAT: self._setstat,
            Request.REALPATH: self._realpath,
            Request.REMOVE: self._remove,
            Request.RENAME: self._rename,
            Request.MKDIR: self._mkdir,
            Request.RMDIR: self._rmdir,
            Request.READLINK: self._readlink,
            Request.SYMLINK: self._symlink,
        }

    @property
    def extensions(self) -> dict[bytes, Answer]:
        """What answers which extension."""
        return {
            b"posix-rename@openssh.com": self._posix_rename,
            b"lsetstat@openssh.com": self._setstat,
        }

    def _stat(self, number: int, request: Reader) -> bytes:
        entry = self.filesystem.stat(request.path())
        return wire.reply(Reply.ATTRS, number, wire.attributes(entry, self.owner))

    def _setstat(self, number: int, request: Reader) -> bytes:
        path, wanted = request.path(), request.attributes()
        if wanted.size is not None:
            self.filesystem.truncate(path, position(wanted.size))
        if wanted.owner is not None and wanted.owner != self.owner:
            self.filesystem.chown(path, *self._changed(wanted.owner))
        if wanted.mtime is not None:  # a mode beside it is `cp -p` at work, and has no effect
            self.filesystem.set_times(path, wanted.mtime)
        elif wanted.mode is not None:
            self.filesystem.chmod(path, wanted.mode)
        return wire.status(number, Status.OK)

    def _changed(self, owner: tuple[int, int]) -> tuple[int, int]:
        uid, gid = (
            -1 if wanted == shown else wanted for wanted, shown in zip(owner, self.owner, strict=True)
        )
        return uid, gid

    def _realpath(self, number: int, request: Reader) -> bytes:
        name = wire.string(self.filesystem.normal(request.path()).encode("utf-8", "surrogateescape"))
        return wire.reply(Reply.NAME, number, U32.pack(1) + name + name + U32.pack(0))

    def _remove(self, number: int, request: Reader) -> bytes:
        self.filesystem.remove(request.path())
        return wire.status(number, Status.OK)

    def _rename(self, number: int, request: Reader) -> bytes:
        self.filesystem.rename(request.path(), request.path(), replace=False)
        return wire.status(number, Status.OK)

    def _posix_rename(self, number: int, request: Reader) -> bytes:
        self.filesystem.rename(request.path(), request.path(), replace=True)
        return wire.status(number, Status.OK)

    def _mkdir(self, _number: int, request: Reader) -> bytes:
        path = request.path()
        try:
            self.filesystem.stat(path)
        except FileNotFoundError:
            self.filesystem.refuse_folder_change("mkdir")
        # `put -r` goes on into a folder that exists, and only when it hears exactly this
        raise Exists(f"{path} exists already.")

    def _rmdir(self, _number: int, request: Reader) -> bytes:
        request.path()
        self.filesystem.refuse_folder_change("rmdir")

    def _symlink(self, _number: int, request: Reader) -> bytes:
        request.path()
        self.filesystem.refuse_folder_change("symlink")

    def _readlink(self, _number: int, request: Reader) -> bytes:
        path = request.path()
        self.filesystem.stat(path)
        raise BadRequest(f"{path} is no symbolic link; there are none here.")
