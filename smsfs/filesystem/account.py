"""The files of one account: what clients may do with them."""

import os
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from attrs import evolve

from smsfs.dialects import Dialect
from smsfs.errors import NotFolder, StillOpen, StoreUnavailable
from smsfs.filesystem.attributes import Attributes
from smsfs.filesystem.changes import Changes, Counted
from smsfs.filesystem.drafts import Drafts
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.folder import OpenFolder
from smsfs.filesystem.handles import Handles, Pool, Slot
from smsfs.filesystem.handover import Handover
from smsfs.filesystem.interface import Filesystem, relative
from smsfs.filesystem.openfile import Draft, OpenFile, in_slot
from smsfs.filesystem.reading import Reader
from smsfs.filesystem.renaming import Renaming
from smsfs.filesystem.rights import Access, Right, Rights
from smsfs.filesystem.scope import Scope
from smsfs.filesystem.uploads import Uploads
from smsfs.filesystem.view import View
from smsfs.store import Account, Process, Store

log = structlog.get_logger()


class AccountFilesystem(Filesystem):
    """The files of one account.

    Args:
        store: where they are.
        owner: this process.
        account: the account they belong to; its settings are read anew for each operation that uses them.
        dialect: the account's folder rules.
        pool: the handles of the process, which accounts share.
        access: how it is used; that ends with this ``account``, even if another one gets its name.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        account: Account,
        dialect: Dialect,
        pool: Pool | None = None,
        access: Access = Access.LOCAL,
    ) -> None:
        self._store = store
        self._account = account
        self.rights = Rights(store, Right.to(account, access))
        self._counted = Counted(Drafts(), Handles(pool or Pool()))
        scope = Scope(store, owner, account, dialect, self.rights)
        self._view = View(scope)
        self._changes = Changes(scope, self._counted)
        self._attributes = Attributes(self._view, self._changes, self._counted)
        handover = Handover(scope, self._view)
        self._renaming = Renaming(scope, self._view, self._changes, handover)
        self._uploads = Uploads(scope, self._view, self._changes, self._counted, handover)

    def count_with(self, other: "AccountFilesystem") -> None:
        """Count what is open together with another filesystem of the account."""
        shared = other._counted  # noqa: SLF001 - one of its own kind
        self._counted.drafts, self._counted.handles = shared.drafts, shared.handles

    def _where(self, path: str) -> str:
        """A path relative to the account, if the account may still be used."""
        self.rights.check_soon()
        return relative(path)

    # -- looking ------------------------------------------------------------------------------------

    def stat(self, path: str) -> Entry:
        """The file or folder at ``path``."""
        where = self._where(path)
        if self._view.is_folder(where):
            return self._view.folder(where)
        file = self._view.known(where)
        entry = self._view.entry(file)
        if file.path != where:  # as it was uploaded, for clients that look whether all of it has arrived
            entry = evolve(entry, size=entry.size - len(file.tail))
        return entry

    def listdir(self, path: str) -> list[Entry]:
        """What a folder holds."""
        return list(OpenFolder(partial(self.page, path)))

    def page(self, path: str, after: str, limit: int) -> list[Entry]:
        """The next entries of a folder, by name."""
        where = self._folder(path)
        folders = self._view.inside(where, after)
        files = self._store.files.view().page(self._account.id, where, after, limit)
        found = [self._view.listed(file) for file in files if file.name not in folders]
        if folders:
            found = sorted([*found, *folders.values()], key=lambda entry: entry.name)[:limit]
        return found

    def names(self, path: str, after: str, limit: int) -> list[str]:
        """Their names alone, which costs the store less."""
        where = self._folder(path)
        folders = self._view.inside(where, after)
        found = self._store.files.view().names(self._account.id, where, after, limit)
        return sorted({*found, *folders})[:limit] if folders else found

    def _folder(self, path: str) -> str:
        where = self._where(path)
        if not self._view.is_folder(where):
            self._view.known(where)
            raise NotFolder(f"{where} is a file.")
        return where

    def hold_folder(self, path: str) -> Slot:
        """Count a folder that is open."""
        del path
        return self._counted.handles.take("folder", self.settings()["max_open_folders"])

    def usage(self) -> Usage:
        """What the account uses, and may use."""
        files, size = self._store.files.view().usage(self._account.id)
        settings = self.settings()
        return Usage(files, settings["max_files"], size, settings["max_bytes"])

    def stamp(self) -> int | None:
        """As the store has it: changes of other accounts count as well."""
        return self._store.stamp()

    def settings(self) -> dict[str, Any]:
        """The account's settings as they are now."""
        return self._view.settings()

    # -- opening ------------------------------------------------------------------------------------

    def open(self, path: str, flags: int) -> OpenFile:
        """Open a file for reading, or a draft for writing."""
        where = self._where(path)
        self._view.check_file(where)
        writes = flags & os.O_ACCMODE != os.O_RDONLY or flags & os.O_TRUNC
        if writes or flags & os.O_CREAT:
            return self._uploads.open(where, flags, anew=bool(flags & os.O_TRUNC))
        slot = self._counted.handles.take("reading", self.settings()["max_open_files"])
        return in_slot(slot, lambda: self._open_to_read(where))

    def _open_to_read(self, where: str) -> OpenFile:
        file = self._view.known(where)
        self._view.require(file, "read")
        try:
            return Reader(
                self._store.contents, file, lambda: self._view.entry_of(file), self.rights.check_soon
            )
        except FileNotFoundError:
            raise StoreUnavailable(f"The bytes of {file.name} are missing; upload it again.") from None

    # -- changing -----------------------------------------------------------------------------------

    def rename(self, old: str, new: str, *, replace: bool, ends: OpenFile | None = None) -> None:
        """Rename a file; the dialect says whether that submits it."""
        sealed = ends if isinstance(ends, Draft) else None
        self._renaming.rename(self._where(old), relative(new), replace=replace, ends=sealed)

    def remove(self, path: str) -> None:
        """Delete a draft or a finished file."""
        where = self._where(path)
        with self._changes.begin(where) as files:
            file = self._view.to_change(files, where)
            self._view.require(file, "delete")
            files.remove(file.id)
            self._changes.recount(files)
        self._store.contents.delete([file.content])
        log.info("removed", account=self._account.name, file=where, state=str(file.state))

    def truncate(self, path: str, size: int) -> None:
        """Cut or extend a draft."""
        where = self._where(path)
        self._view.check_file(where)
        draft = self._uploads.open(where, os.O_WRONLY if size else os.O_WRONLY | os.O_TRUNC, anew=False)
        try:
            draft.truncate(size)
        finally:
            with suppress(StillOpen):  # by the client that writes it, say: it is submitted in the end
                draft.close()

    def set_times(self, path: str, mtime: float) -> None:
        """Set a draft's time of modification."""
        self._attributes.set_times(self._where(path), mtime)

    def chmod(self, path: str, mode: int) -> None:
        """Accept what changes nothing, and what rides along with an upload."""
        self._attributes.check_mode(self._where(path), mode, self.stat(path).mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Accept under the same conditions as a change of mode; frontends pass on only real changes."""
        self.stat(path)
        self._attributes.check_owner(self._where(path), uid, gid)
