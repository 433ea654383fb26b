"""Times, modes and owners of files: which of them clients may set."""

from smsfs.errors import NotPermitted
from smsfs.filesystem.changes import Changes, Counted
from smsfs.filesystem.view import View
from smsfs.states import FileState


class Attributes:
    """The attributes of an account's files.

    Args:
        view: the files.
        changes: begins a change of them.
        counted: what is open.
    """

    def __init__(self, view: View, changes: Changes, counted: Counted) -> None:
        self._view = view
        self._changes = changes
        self._counted = counted

    def set_times(self, where: str, mtime: float) -> None:
        """Set a draft's time of modification; without effect on others."""
        if self._view.is_folder(where):
            return
        file = self._view.known(where)
        if file.state is not FileState.DRAFT:
            return
        self._changes.note_times(file, mtime)
        for draft in self._counted.drafts.of(file.id):
            draft.set_times(mtime)

    def check_mode(self, where: str, mode: int, shown: int) -> None:
        """Accept the mode that is ``shown``, and others where attributes are taken without effect.

        Raises:
            NotPermitted: they are not.
        """
        if mode & 0o777 != shown and not self._are_taken(where):
            raise NotPermitted("Permissions are fixed here: changing the mode of a file is not allowed.")

    def check_owner(self, where: str, uid: int, gid: int) -> None:
        """Accept owners under the same conditions; frontends pass on only real changes.

        Raises:
            NotPermitted: they are not met.
        """
        if (uid, gid) != (-1, -1) and not self._are_taken(where):
            raise NotPermitted("Ownership is fixed here: changing the owner of a file is not allowed.")

    def _are_taken(self, where: str) -> bool:
        """Whether attributes are accepted without effect: by setting, in an upload, through an alias."""
        if self._view.settings()["chmod"] == "ignore":
            return True
        if self._view.is_folder(where):
            return False
        file = self._view.known(where)
        if file.writers or file.path != where:
            return True
        return self._view.alias(where) is not None
