"""Uploads: drafts that are opened for writing, and what their end sets off."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import structlog
from attrs import frozen

from smsfs.errors import Exists, Missing, NotAllowed, QuotaFull, Refusal
from smsfs.filesystem import results
from smsfs.filesystem.changes import Changes, Counted
from smsfs.filesystem.entry import Entry
from smsfs.filesystem.handles import Slot
from smsfs.filesystem.handover import Handover, check_held
from smsfs.filesystem.openfile import Draft, in_slot
from smsfs.filesystem.scope import Scope
from smsfs.filesystem.view import View
from smsfs.store import ContentWriter, File, FileChange, Process
from smsfs.store.again import again

log = structlog.get_logger()


@frozen
class _Noted:
    """A file, as the store knows now that it is open for writing."""

    file: File
    writer: int
    settings: dict[str, Any]
    slot: Slot


_Begun = Callable[[], tuple[File, int]]


class Uploads:
    """Opens and closes drafts of an account.

    Args:
        scope: whose files they are.
        view: the files.
        changes: begins a change of them.
        counted: what is open.
        handover: submits a file.
    """

    def __init__(
        self, scope: Scope, view: View, changes: Changes, counted: Counted, handover: Handover
    ) -> None:
        self._scope = scope
        self._view = view
        self._changes = changes
        self._counted = counted
        self._handover = handover

    def open(self, where: str, flags: int, *, anew: bool) -> Draft:
        """Open a draft; ``anew`` with bytes of its own, should others be writing it.

        Two uploads of one name must not be mixed, nor the later one wait for a connection that hangs.
        """
        self._view.check_folder(where)
        new = bool(flags & os.O_CREAT) or self._settled(where) is None
        while (noted := self._note_writer(where, flags, new=new, anew=anew)) is None:
            new = self._settled(where) is None
        draft = in_slot(noted.slot, lambda: self._open_draft(noted, new=new))
        draft.appends = bool(flags & os.O_APPEND)
        if flags & os.O_TRUNC:
            draft.truncate(0)
        return draft

    def _open_draft(self, noted: "_Noted", *, new: bool) -> Draft:
        content = self._open_content(noted.file, noted.writer, new=new)
        limit = noted.settings["max_file_bytes"]
        draft = Draft(self, noted.file, noted.writer, content, limit, self._counted.drafts, new=new)
        self._counted.drafts.add(draft, noted.settings["max_bytes"])
        return draft

    @again
    def _note_writer(self, where: str, flags: int, *, new: bool, anew: bool) -> "_Noted | None":
        """The file, made if it is ``new``, and a writer of it; None if it is there, or has just come.

        Nothing about a new file need outlive a power cut before its first sync or its end. Of any other it
        must be known, before the first byte changes, that what is there is not whole.
        """
        owner = self._scope.store.current(self._scope.owner)
        with ExitStack() as undone:
            with self._changes.begin(where, synced=not new) as files:
                file = files.find(self._scope.account.id, where)
                if file and new:
                    return None
                settings = self._view.settings(files)
                slot = self._counted.handles.take("writing", settings["max_open_files"])
                undone.callback(slot.release)
                if file is None:
                    noted = self._create(files, where, flags, settings, owner)
                else:
                    noted = self._take_up(files, file, flags, owner, anew=anew)
            file, writer = noted()
            undone.pop_all()
        return _Noted(file, writer, settings, slot)

    def _take_up(self, files: FileChange, file: File, flags: int, owner: Process, *, anew: bool) -> _Begun:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise Exists(f"{file.path} is there already.")
        self._view.require(file, "overwrite" if flags & os.O_TRUNC else "write")
        if anew and file.writers:  # those who have it open go on with the old content
            file = files.renew(file.id, self._scope.store.contents.create(), self._scope.store.now())
        writer = files.add_writer(file.id, owner)
        self._changes.recount(files)
        return lambda: (file, writer)

    def _open_content(self, file: File, writer: int, *, new: bool) -> ContentWriter:
        """Open the bytes of a file that ``writer`` is noted for already; that ends if it cannot be."""
        try:
            return self._scope.store.contents.open_write(file.content, writer, new=new)
        except OSError:
            self._changes.end_later(writer)
            raise

    def _settled(self, where: str) -> File | None:
        """The file there, let go of for processes that died with it open: no upload waits for a sweep."""
        file = self._scope.store.files.view().find(self._scope.account.id, where)
        if file and file.writers and set(file.writers) - self._scope.store.alive().keys():
            self._scope.store.settle()
        return file

    def _create(
        self, files: FileChange, where: str, flags: int, settings: dict[str, Any], owner: Process
    ) -> _Begun:
        if not flags & os.O_CREAT:
            self._check_opened_as_new(files, where, flags)
        if results.in_results(where):
            raise NotAllowed(results.NO_UPLOAD)
        self._scope.dialect.create(where, settings)
        if self._changes.recount(files).files >= settings["max_files"]:
            raise QuotaFull(
                f"The account holds {settings['max_files']} files, as many as it may; delete some."
            )
        store = self._scope.store
        return files.begin(self._scope.account.id, where, store.contents.create(), store.now(), owner)

    def _check_opened_as_new(self, files: FileChange, where: str, flags: int) -> None:
        """A mount opens, emptying it, what it would create: the name of an earlier upload still answers."""
        earlier = files.alias(self._scope.account.id, where, self._scope.store.now())
        if earlier is None or self._scope.dialect.stamped:
            raise Missing(f"There is no file {where}.")
        if not flags & os.O_TRUNC:
            raise NotAllowed(f"{where} has been submitted; nothing can be added to it. Write a new file.")

    # -- what a draft open for writing calls back -----------------------------------------------------

    def now(self) -> float:
        """The store's time."""
        return self._scope.store.now()

    def check_right(self) -> None:
        """Check that the account may still be used."""
        self._scope.rights.check_soon()

    def draft_entry(self, draft: Draft) -> Entry:
        """A draft as it is while it is written."""
        return self._view.entry_of(draft.file)

    def draft_synced(self, draft: Draft) -> None:
        """Commit something about a file, and with it that there is one."""
        self._changes.note_times(draft.file, self.now())

    def draft_sealed(self, draft: Draft, size: int, mtime: float) -> bool:
        """Note that an upload is whole, unless its close hands it over: nobody else would after our death."""
        if self._handover.is_by_close(draft.file.path):
            return False
        with self._changes.begin() as files:
            is_sealed = files.seal_writer(draft.writer, size, mtime)
            self._changes.recount(files)
        return is_sealed

    def draft_ended(self, draft: Draft) -> None:
        """A sealed upload was ended along with another change."""
        self._counted.drafts.drop(draft)

    def draft_closed(self, draft: Draft, size: int, mtime: float | None, *, cut: bool) -> None:
        """A writer has finished: note what there is now, and submit it if closing does that."""
        refusal = submitted = None
        try:
            with self._changes.begin(checked=False) as files:
                ended = self._scope.rights.ended(files.account(self._scope.account.id))
                is_whole, cut = not cut, cut or bool(ended)
                # None as the time, nothing having been written: what others did to it meanwhile stays
                file = files.end_writer(draft.writer, size, mtime, cut=cut, wrote=draft.wrote)
                now = file or files.get(draft.file.id)
                used = files.usage(self._scope.account.id).size
                self._counted.drafts.drop(draft, size if file else None, used)
                try:
                    if is_whole:
                        check_held(draft, file, now, ended)
                    submitted = None if cut else self._handover.submit_closed(files, file, wrote=draft.wrote)
                except Refusal as exc:  # what is stored stands
                    refusal = exc
        except BaseException:
            self._counted.drafts.drop(draft)
            self._changes.end_later(draft.writer, cut=cut or not draft.sealed)
            raise
        if now is None or now.content != draft.file.content:
            self._scope.store.contents.delete([draft.file.content])
        if refusal:
            raise refusal
        if submitted:
            log.info("submitted", **submitted())
