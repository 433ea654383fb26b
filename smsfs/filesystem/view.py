"""What an account holds, as its clients see it."""

from typing import Any

from smsfs.dialects.settings import RESULTS_FOLDER, settings_of
from smsfs.errors import IsFolder, Missing, NotAllowed, StoreUnavailable
from smsfs.filesystem import results
from smsfs.filesystem.entry import Entry
from smsfs.filesystem.interface import FOLDER_MODE
from smsfs.filesystem.scope import Scope
from smsfs.states import CLIENT_RIGHTS, FileState
from smsfs.store import File, FileChange, Listed

DRAFT_MODE, FINISHED_MODE = 0o644, 0o444
FIRST_FILE_INODE = 1000


class View:
    """The files and folders of an account, and what clients may do with them.

    Args:
        scope: whose files they are.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def settings(self, files: FileChange | None = None) -> dict[str, Any]:
        """The account's settings as they are now, or as a transaction sees them."""
        rights = self._scope.rights
        account = rights.check(files.account(self._scope.account.id)) if files else rights.account()
        return settings_of(self._scope.dialect, account.settings)

    # -- folders ------------------------------------------------------------------------------------

    def folders(self) -> tuple[str, ...]:
        """The folders, the account's own first."""
        results = (RESULTS_FOLDER,) if self.settings()["results"] else ()
        return ("", *self._scope.dialect.folders, *results)

    def is_folder(self, where: str) -> bool:
        """Whether ``where`` is a folder."""
        is_own = where in ("", *self._scope.dialect.folders)
        return is_own or (where == RESULTS_FOLDER and bool(self.settings()["results"]))

    def folder(self, where: str) -> Entry:
        """A folder as clients see it."""
        inode = 1 + ("", *self._scope.dialect.folders, RESULTS_FOLDER).index(where)
        return Entry(where.rpartition("/")[2], True, 0, FOLDER_MODE, self._scope.account.created, inode)

    def inside(self, where: str, after: str) -> dict[str, Entry]:
        """The folders in a folder whose names come after ``after``."""
        parts = {name: name.rpartition("/") for name in self.folders() if name}
        return {
            name: self.folder(path)
            for path, (parent, _, name) in parts.items()
            if parent == where and name > after
        }

    def check_folder(self, where: str) -> None:
        """Check that the folder that is to hold a file is there.

        Raises:
            Missing: it is not.
        """
        if not self.is_folder(folder := where.rpartition("/")[0]):
            raise Missing(f"There is no folder {folder}.")

    def check_file(self, where: str) -> None:
        """Check that no folder is at ``where``.

        Raises:
            IsFolder: one is.
        """
        if self.is_folder(where):
            raise IsFolder(f"/{where} is a folder.")

    # -- files --------------------------------------------------------------------------------------

    def entry(self, file: File) -> Entry:
        """A file as clients see it; one that is being written, or was when its process died, is measured."""
        unsure = bool(file.writers or file.cut)
        return self.listed(
            Listed(
                *(file.id, file.name, file.state, file.content, file.size, len(file.tail), file.mtime, unsure)
            )
        )

    def listed(self, file: Listed) -> Entry:
        """A file of a listing as clients see it."""
        size = (self._measured(file) if file.unsure else file.size) + file.tail
        mode = DRAFT_MODE if file.state is FileState.DRAFT else FINISHED_MODE
        inode = FIRST_FILE_INODE + file.id
        return Entry(file.name, False, size, mode, file.mtime, inode, file.state, file.unsure)

    def entry_of(self, file: File) -> Entry:
        """As it is now; a result file that was written anew meanwhile is shown as it is still read."""
        now = self._scope.store.files.view().get(file.id)
        return self.entry(now if now and now.content == file.content else file)

    def _measured(self, file: Listed) -> int:
        try:
            return self._scope.store.contents.size(file.content)
        except StoreUnavailable:  # removed in this moment, or lost to a power cut before its first sync
            return file.size

    def known(self, where: str) -> File:
        """The file there, or the one that was submitted under this name, even if it is out of sight now."""
        store = self._scope.store
        file = store.files.view().known(self._scope.account.id, where, store.now())
        return file if file and file.path != where else self._visible(where, file)

    def alias(self, where: str) -> File | None:
        """The file that was submitted under this name, for as long as the name answers."""
        return self._scope.store.files.view().alias(self._scope.account.id, where, self._scope.store.now())

    def _visible(self, where: str, file: File | None) -> File:
        if file is None or file.state is FileState.CONSUMED or not self.is_folder(file.folder):
            raise Missing(f"There is no file {where}.")
        return file

    def to_change(self, files: FileChange, where: str) -> File:
        """The file there, to be changed; aliases are not."""
        self.check_file(where)
        return self._visible(where, files.find(self._scope.account.id, where))

    def require(self, file: File, right: str) -> None:
        """Refuse what the file's state does not allow a client to do."""
        if file.state is FileState.CONSUMED:
            raise Missing(f"There is no file {file.path}.")
        if right in CLIENT_RIGHTS[file.state]:
            return
        if file.folder == RESULTS_FOLDER:
            raise NotAllowed(results.REFUSALS[file.state].format(name=file.name))
        raise NotAllowed(self._scope.dialect.refusal(file.path, file.state))
