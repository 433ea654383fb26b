"""The files of one account: what clients may do with them, and what that sets off."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from attrs import evolve

from smsfs.dialects import Dialect, Submission
from smsfs.dialects.settings import RESULTS_FOLDER, settings_of
from smsfs.errors import (
    Exists,
    IsFolder,
    Missing,
    NotAllowed,
    NotFolder,
    NotPermitted,
    QuotaFull,
    Refusal,
    StillOpen,
    StoreUnavailable,
)
from smsfs.filesystem import handover, results
from smsfs.filesystem.drafts import Drafts
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.folder import OpenFolder
from smsfs.filesystem.handles import Handles, Pool, Slot, Use
from smsfs.filesystem.interface import FOLDER_MODE, Filesystem, relative
from smsfs.filesystem.openfile import Draft, OpenFile, Reader
from smsfs.filesystem.rights import Access, Right, Rights
from smsfs.filesystem.unended import Unended
from smsfs.states import CLIENT_RIGHTS, FileState, next_file_state
from smsfs.store import Account, ContentWriter, File, FileChange, Owner, Store
from smsfs.store.again import again

DRAFT_MODE, FINISHED_MODE = 0o644, 0o444
FIRST_FILE_INODE = 1000
F = TypeVar("F", bound=OpenFile)

log = structlog.get_logger()


class AccountFilesystem(Filesystem):
    """The files of one account.

    Args:
        store: where they are.
        owner: this process.
        account: whose they are; its settings are read anew at each operation that they bear on.
        dialect: the account's folder rules.
        pool: the handles of the process, which accounts share.
        access: how it is used; that ends with ``account`` as it is here, whatever comes in its place.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner,
        account: Account,
        dialect: Dialect,
        pool: Pool | None = None,
        access: Access = Access.LOCAL,
    ) -> None:
        self._store = store
        self._owner = owner
        self._account = account
        self._dialect = dialect
        self._drafts = Drafts()
        self._handles = Handles(pool or Pool())
        self._unended = Unended(partial(self._change, checked=False))
        self.rights = Rights(store, Right.to(account, access))

    def count_with(self, other: "AccountFilesystem") -> None:
        """Count what is open together with another filesystem of the account."""
        self._drafts, self._handles = other._drafts, other._handles  # noqa: SLF001 - one of its own kind

    def _where(self, path: str) -> str:
        """A path relative to the account, if that may still be used."""
        self.rights.check_soon()
        return relative(path)

    # -- looking ------------------------------------------------------------------------------------

    def stat(self, path: str) -> Entry:
        """The file or folder at ``path``."""
        where = self._where(path)
        if self._is_folder(where):
            return self._folder(where)
        file = self._known(where)
        entry = self.entry(file)
        if file.path != where:  # as it was uploaded, for clients that look whether all of it has arrived
            entry = evolve(entry, size=entry.size - len(file.tail))
        return entry

    def listdir(self, path: str) -> list[Entry]:
        """What a folder holds."""
        return list(OpenFolder(partial(self.page, path)))

    def page(self, path: str, after: str, limit: int) -> list[Entry]:
        """The next entries of a folder, by name."""
        where = self._where(path)
        if not self._is_folder(where):
            self._known(where)
            raise NotFolder(f"{where} is a file.")
        inside = {name for name in self._folders() if name and name.rpartition("/")[0] == where}
        files = self._store.files.view().page(self._account.id, where, after, limit)
        found = [self._folder(name) for name in inside if name.rpartition("/")[2] > after]
        found += [self.entry(file) for file in files if file.path not in inside]
        return sorted(found, key=lambda entry: entry.name)[:limit]

    def hold_folder(self, path: str) -> Slot:
        """Count a folder that is open."""
        del path
        return self._handles.take("folder", self.settings()["max_open_folders"])

    def usage(self) -> Usage:
        """What the account uses, and may use."""
        files, size = self._store.files.view().usage(self._account.id)
        settings = self.settings()
        return Usage(files, settings["max_files"], size, settings["max_bytes"])

    def settings(self) -> dict[str, Any]:
        """The account's settings as they are now."""
        return settings_of(self._dialect, self.rights.account().settings)

    def entry(self, file: File) -> Entry:
        """A file as clients see it; one that is being written, or was when its process died, is measured."""
        size = self._measured(file) if file.writers or file.cut else file.size
        mode = DRAFT_MODE if file.state is FileState.DRAFT else FINISHED_MODE
        inode = FIRST_FILE_INODE + file.id
        return Entry(file.name, False, size + len(file.tail), mode, file.mtime, inode, file.state)

    def _measured(self, file: File) -> int:
        try:
            return self._store.contents.size(file.content)
        except StoreUnavailable:  # removed in this moment, or lost to a power cut before its first sync
            return file.size

    def _folders(self) -> tuple[str, ...]:
        results = (RESULTS_FOLDER,) if self.settings()["results"] else ()
        return ("", *self._dialect.folders, *results)

    def _is_folder(self, where: str) -> bool:
        is_own = where in ("", *self._dialect.folders)
        return is_own or (where == RESULTS_FOLDER and bool(self.settings()["results"]))

    def _folder(self, where: str) -> Entry:
        inode = 1 + ("", *self._dialect.folders, RESULTS_FOLDER).index(where)
        return Entry(where.rpartition("/")[2], True, 0, FOLDER_MODE, self._account.created, inode)

    def _known(self, where: str) -> File:
        """The file there, or the one that was submitted under this name, even if it is out of sight now."""
        view = self._store.files.view()
        file = view.find(self._account.id, where)
        earlier = None if file else view.alias(self._account.id, where, self._store.now())
        return earlier or self._visible(where, file)

    def _visible(self, where: str, file: File | None) -> File:
        if file is None or file.state is FileState.CONSUMED or not self._is_folder(file.folder):
            raise Missing(f"There is no file {where}.")
        return file

    def _file(self, files: FileChange, where: str) -> File:
        """The file there, to be changed; aliases are not."""
        if self._is_folder(where):
            raise IsFolder(f"/{where} is a folder.")
        return self._visible(where, files.find(self._account.id, where))

    # -- opening ------------------------------------------------------------------------------------

    def open(self, path: str, flags: int) -> OpenFile:
        """Open a file for reading, or a draft for writing."""
        where = self._where(path)
        if self._is_folder(where):
            raise IsFolder(f"/{where} is a folder.")
        writes = flags & os.O_ACCMODE != os.O_RDONLY or flags & os.O_TRUNC
        if writes or flags & os.O_CREAT:
            return self._open_to_write(where, flags, anew=bool(flags & os.O_TRUNC))
        return self._hold("reading", self.settings(), lambda: self._open_to_read(where))

    def _hold(self, what: Use, settings: dict[str, Any], open_it: Callable[[], F]) -> F:
        """Open a file that counts as open until it is closed."""
        slot = self._handles.take(what, settings["max_open_files"])
        try:
            file = open_it()
        except BaseException:
            slot.release()
            raise
        file.slot = slot
        return file

    def _open_to_read(self, where: str) -> OpenFile:
        file = self._known(where)
        self._require(file, "read")
        try:
            return Reader(self._store.contents, file, lambda: self._entry_of(file), self.rights.check_soon)
        except FileNotFoundError:
            raise StoreUnavailable(f"The bytes of {file.name} are missing; upload it again.") from None

    def _entry_of(self, file: File) -> Entry:
        """As it is now; of a result file that was written anew meanwhile, as it is still read."""
        now = self._store.files.view().get(file.id)
        return self.entry(now if now and now.content == file.content else file)

    def _open_to_write(self, where: str, flags: int, *, anew: bool) -> OpenFile:
        """Open a draft; ``anew`` with bytes of its own, should others be writing it.

        Two uploads of one name must not be mixed, nor the later one wait for a connection that hangs.
        """
        settings = self.settings()
        self._check_folder(where)
        draft = self._hold("writing", settings, lambda: self._open_draft(where, flags, settings, anew=anew))
        if flags & os.O_TRUNC:
            draft.truncate(0)
        return draft

    def _open_draft(self, where: str, flags: int, settings: dict[str, Any], *, anew: bool) -> Draft:
        noted = None
        while noted is None:
            new = self._settled(where) is None
            noted = self._note_writer(where, flags, settings, new=new, anew=anew)
        file, writer = noted
        content, limit = self._open_content(file, writer), settings["max_file_bytes"]
        draft = Draft(self, file, writer, content, limit, self._drafts, new=new)
        draft.appends = bool(flags & os.O_APPEND)
        self._drafts.add(draft, settings["max_bytes"])
        return draft

    @again
    def _note_writer(
        self, where: str, flags: int, settings: dict[str, Any], *, new: bool, anew: bool
    ) -> tuple[File, int] | None:
        """The file, made if it is ``new``, and the number of a writer of it; None if it has just come.

        Of a new file nobody is told anything that outlives a power cut, before its first sync or its end.
        Of any other it must be known that what is there is not whole, before the first byte changes.
        """
        owner = self._store.current(self._owner)
        with self._change(synced=not new) as files:
            file = files.find(self._account.id, where)
            if file and new:
                return None
            if file is None:
                file = self._create(files, where, flags, settings)
            elif flags & os.O_CREAT and flags & os.O_EXCL:
                raise Exists(f"{where} is there already.")
            else:
                self._require(file, "overwrite" if flags & os.O_TRUNC else "write")
                if anew and file.writers:  # who has it open goes on with the old content
                    file = files.renew(file.id, self._store.contents.create(), self._store.now())
            writer = files.add_writer(file.id, owner)
        return file, writer

    def _open_content(self, file: File, writer: int) -> ContentWriter:
        """Open the bytes of a file that ``writer`` is noted for already; that ends if it cannot be."""
        try:
            return self._store.contents.open_write(file.content, writer)
        except OSError:
            self._unended.add(writer)
            raise

    def _settled(self, where: str) -> File | None:
        """The file there, let go of for processes that died with it open: no upload waits for a sweep."""
        file = self._store.files.view().find(self._account.id, where)
        if file and file.writers and set(file.writers) - self._store.alive().keys():
            self._store.settle()
        return file

    def _create(self, files: FileChange, where: str, flags: int, settings: dict[str, Any]) -> File:
        if not flags & os.O_CREAT:
            self._check_opened_as_new(files, where, flags)
        if results.in_results(where):
            raise NotAllowed(results.NO_UPLOAD)
        self._dialect.create(where, settings)
        if files.usage(self._account.id)[0] >= settings["max_files"]:
            raise QuotaFull(
                f"The account holds {settings['max_files']} files, as many as it may; delete some."
            )
        return files.add(self._account.id, where, self._store.contents.create(), self._store.now())

    def _check_opened_as_new(self, files: FileChange, where: str, flags: int) -> None:
        """A mount opens, emptying it, what it would create: the name of an earlier upload still answers."""
        earlier = files.alias(self._account.id, where, self._store.now())
        if earlier is None or self._dialect.stamped:
            raise Missing(f"There is no file {where}.")
        if not flags & os.O_TRUNC:
            raise NotAllowed(f"{where} has been submitted; nothing can be added to it. Write a new file.")

    def _check_folder(self, where: str) -> None:
        if not self._is_folder(folder := where.rpartition("/")[0]):
            raise Missing(f"There is no folder {folder}.")

    # -- what a draft open for writing calls back -----------------------------------------------------

    def now(self) -> float:
        """The store's time."""
        return self._store.now()

    def check_right(self) -> None:
        """Check that the account may still be used."""
        self.rights.check_soon()

    def draft_entry(self, draft: Draft) -> Entry:
        """A draft as it is while it is written."""
        return self._entry_of(draft.file)

    def draft_synced(self, draft: Draft) -> None:
        """Commit something about a file, and with it that there is one."""
        self._note_times(draft.file, self.now())

    @again
    def _note_times(self, file: File, mtime: float) -> None:
        with self._change() as files:
            files.set_times(file.id, mtime)

    def draft_closed(self, draft: Draft, size: int, mtime: float | None, *, cut: bool) -> None:
        """A writer is through: note what there is now, and submit it if closing does that."""
        refusal = told = None
        try:
            with self._change(checked=False) as files:
                ended = self.rights.ended(files.account(self._account.id))
                is_whole, cut = not cut, cut or bool(ended)
                now = files.get(draft.file.id)
                if mtime is None:  # nothing was written: what others did to it meanwhile stays
                    mtime = (now or draft.file).mtime
                file = files.end_writer(draft.writer, size, mtime, cut=cut, wrote=draft.wrote)
                self._drafts.drop(draft, size if file else None, files.usage(self._account.id)[1])
                try:
                    if is_whole:
                        handover.check_held(draft, file, now, ended)
                    told = None if cut else self._submit_closed(files, file, wrote=draft.wrote)
                except Refusal as exc:  # what is stored stands
                    refusal = exc
        except BaseException:
            self._drafts.drop(draft)
            self._unended.add(draft.writer)
            raise
        if now is None or now.content != draft.file.content:
            self._store.contents.delete([draft.file.content])
        if refusal:
            raise refusal
        if told:
            log.info("submitted", **told)

    def _submit_closed(self, files: FileChange, file: File | None, *, wrote: bool) -> dict[str, Any] | None:
        """Submit a file that its dialect takes when it is closed, or tell its writer why that cannot be."""
        if not file or not file.size or file.state is not FileState.DRAFT:
            return None
        settings = self.settings()
        submission = self._dialect.close(file.path, settings)
        if submission is None or (file.writers and not wrote):
            return None
        return self._submit(files, file, submission, file.path, settings)

    @contextmanager
    def _change(self, *, synced: bool = True, checked: bool = True) -> Iterator[FileChange]:
        """A transaction; writers whose end could not be noted before, the store being away, end as cut."""
        unended = self._unended.take()
        try:
            with self._store.files.change(self._account.id, synced=synced) as files:
                for writer in unended:
                    files.cut_writer(writer)
                if checked:
                    self.rights.check(files.account(self._account.id))
                yield files
                self._drafts.used = files.usage(self._account.id)[1]
        except BaseException:  # nothing of it was committed, whatever the reason
            self._unended.put_back(unended)
            raise

    # -- changing -----------------------------------------------------------------------------------

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """Rename a file; the dialect says whether that submits it."""
        source, target = self._where(old), relative(new)
        self._check_folder(target)
        replaced, told = self._move(source, target, replace=replace)
        self._store.contents.delete(replaced)
        if told:
            log.info("submitted", **told)

    @again
    def _move(self, source: str, target: str, *, replace: bool) -> tuple[list[str], dict[str, Any] | None]:
        settings, told = self.settings(), None
        with self._change() as files:
            file = self._file(files, source)
            if self._is_folder(target):
                raise Exists(f"/{target} is a folder.")
            if source == target:
                return [], None
            if results.in_results(source) or results.in_results(target):
                raise NotAllowed(results.NO_RENAME)
            self._require(file, "rename")
            submission = self._dialect.rename(target, settings)
            replaced = self._make_way(files, target, replace=replace)
            if submission:
                told = self._submit(files, file, submission, target, settings)
            elif file.state is FileState.REJECTED:
                next_file_state(file.state, "reopen")
                files.reopen(file.id, target)
            else:
                files.move(file.id, target)
        return replaced, told

    def _make_way(self, files: FileChange, target: str, *, replace: bool) -> list[str]:
        """Drop the draft that a rename replaces; its content, to be deleted after the commit."""
        there = files.find(self._account.id, target)
        if there is None:
            return []
        self._require(there, "overwrite")
        if not replace:
            raise Exists(f"{target} is there already.")
        files.remove(there.id)
        return [there.content]

    def _submit(
        self, files: FileChange, file: File, submission: Submission, target: str, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Hand a file over, in the transaction that the client's answer waits for; what to log then."""
        state = next_file_state(file.state, "submit")
        handover.check_whole(file, self._store.alive)
        now = self._store.now()
        at = handover.free_second(self._dialect, files, self._account.id, submission, int(now))
        path = self._dialect.path(submission, at, state)
        batch = files.submit(file, path, submission.stem, submission.flags, at.timestamp(), now)
        if settings["alias_seconds"]:
            files.add_alias(self._account.id, target, file.id, now + settings["alias_seconds"])
        return {"account": self._account.name, "file": path, "batch": batch, "bytes": file.size}

    def _require(self, file: File, right: str) -> None:
        """Refuse what the file's state does not allow a client to do."""
        if file.state is FileState.CONSUMED:
            raise Missing(f"There is no file {file.path}.")
        if right in CLIENT_RIGHTS[file.state]:
            return
        if file.folder == RESULTS_FOLDER:
            raise NotAllowed(results.REFUSALS[file.state].format(name=file.name))
        raise NotAllowed(self._dialect.refusal(file.path, file.state))

    def remove(self, path: str) -> None:
        """Delete a draft or a finished file."""
        where = self._where(path)
        with self._change() as files:
            file = self._file(files, where)
            self._require(file, "delete")
            files.remove(file.id)
        self._store.contents.delete([file.content])
        log.info("removed", account=self._account.name, file=where, state=str(file.state))

    def truncate(self, path: str, size: int) -> None:
        """Cut or extend a draft."""
        where = self._where(path)
        if self._is_folder(where):
            raise IsFolder(f"/{where} is a folder.")
        draft = self._open_to_write(where, os.O_WRONLY if size else os.O_WRONLY | os.O_TRUNC, anew=False)
        try:
            draft.truncate(size)
        finally:
            with suppress(StillOpen):  # by the client that writes it, say: it is submitted in the end
                draft.close()

    def set_times(self, path: str, mtime: float) -> None:
        """Set a draft's time of modification."""
        where = self._where(path)
        if self._is_folder(where):
            return
        file = self._known(where)
        if file.state is not FileState.DRAFT:
            return
        self._note_times(file, mtime)
        for draft in self._drafts.of(file.id):
            draft.set_times(mtime)

    def chmod(self, path: str, mode: int) -> None:
        """Accept what changes nothing, and what rides along with an upload."""
        if mode & 0o777 != self.stat(path).mode and not self._takes_attributes(path):
            raise NotPermitted("Permissions are fixed here: changing the mode of a file is not allowed.")

    def _takes_attributes(self, path: str) -> bool:
        """Whether attributes are accepted without effect: by setting, in an upload, through an alias."""
        where = self._where(path)
        if self.settings()["chmod"] == "ignore":
            return True
        if self._is_folder(where):
            return False
        file = self._known(where)
        if file.writers or file.path != where:
            return True
        now = self._store.now()
        return self._store.files.view().alias(self._account.id, where, now) is not None

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Accept under the same conditions as a change of mode; frontends pass on only real changes."""
        self.stat(path)
        if (uid, gid) != (-1, -1) and not self._takes_attributes(path):
            raise NotPermitted("Ownership is fixed here: changing the owner of a file is not allowed.")
