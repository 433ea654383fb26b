"""Renaming a file, which may submit it or take a rejected one up again."""

import structlog

from smsfs.errors import Exists, NotAllowed
from smsfs.filesystem import results
from smsfs.filesystem.changes import Changes
from smsfs.filesystem.handover import Handover, Submitted
from smsfs.filesystem.openfile import Draft
from smsfs.filesystem.scope import Scope
from smsfs.filesystem.view import View
from smsfs.states import FileState, next_file_state
from smsfs.store import File, FileChange
from smsfs.store.again import again

log = structlog.get_logger()


class Renaming:
    """Renames files of an account.

    Args:
        scope: whose files they are.
        view: the files.
        changes: begins a change of them.
        handover: submits a file.
    """

    def __init__(self, scope: Scope, view: View, changes: Changes, handover: Handover) -> None:
        self._scope = scope
        self._view = view
        self._changes = changes
        self._handover = handover

    def rename(self, source: str, target: str, *, replace: bool, ends: Draft | None = None) -> None:
        """Rename a file; the dialect says whether that submits it. A sealed draft ends in the same commit."""
        self._view.check_folder(target)
        replaced, submitted = self._move(source, target, replace=replace, ends=ends)
        if ends:
            ends.ended()
        self._scope.store.contents.delete(replaced)
        if submitted:
            log.info("submitted", **submitted())

    @again
    def _move(
        self, source: str, target: str, *, replace: bool, ends: Draft | None
    ) -> tuple[list[str], Submitted | None]:
        submitted = None
        with self._changes.begin(source, target) as files:
            settings = self._view.settings(files)
            if ends:
                ends.end_with(files)
            file = self._view.to_change(files, source)
            if self._view.is_folder(target):
                raise Exists(f"/{target} is a folder.")
            if source == target:
                return [], None
            if results.in_results(source) or results.in_results(target):
                raise NotAllowed(results.NO_RENAME)
            self._view.require(file, "rename")
            self._check_own(file)
            submission = self._scope.dialect.rename(target, settings)
            replaced = self._make_way(files, target, replace=replace)
            if submission:
                submitted = self._handover.submit(files, file, submission, target, settings)
            elif file.state is FileState.REJECTED:
                next_file_state(file.state, "reopen")
                files.reopen(file.id, target)
            else:
                files.move(file.id, target)
        return replaced, submitted

    def _check_own(self, file: File) -> None:
        """Refuse to send all of a file of which an operator sent some rows again."""
        if file.state is FileState.REJECTED and self._scope.store.resends.has_file(file.id):
            raise NotAllowed(
                f"{file.path} stands for rows that an operator sent again; its others were "
                "sent before. Delete it, and upload what is to be sent as a new file."
            )

    def _make_way(self, files: FileChange, target: str, *, replace: bool) -> list[str]:
        """Drop the draft that a rename replaces; its content, to be deleted after the commit."""
        there = files.find(self._scope.account.id, target)
        if there is None:
            return []
        self._view.require(there, "overwrite")
        if not replace:
            raise Exists(f"{target} is there already.")
        files.remove(there.id)
        self._changes.recount(files)
        return [there.content]
