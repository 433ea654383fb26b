"""The files of every account, for an admin, and the filesystems of a process."""

import os
import threading
from collections.abc import Callable
from functools import partial

from smsfs.dialects import Dialect
from smsfs.errors import IsFolder, Missing, NotAllowed, OtherAccount
from smsfs.filesystem.account import AccountFilesystem
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.folder import OpenFolder
from smsfs.filesystem.handles import Pool, Slot
from smsfs.filesystem.interface import FOLDER_MODE, Filesystem, relative
from smsfs.filesystem.openfile import OpenFile
from smsfs.filesystem.rights import Access, Right
from smsfs.store import Account, Process, Store

_ONLY_ACCOUNTS = "Here are only accounts' folders; smsfs account add makes one."


class AllAccounts(Filesystem):
    """The files of every account, each in a folder of its name, for an admin.

    Args:
        store: where they are.
        of: returns the filesystem of an account.
    """

    def __init__(self, store: Store, of: Callable[[Account], Filesystem]) -> None:
        self._store = store
        self._of = of

    def _split(self, path: str) -> tuple[str, str]:
        name, _, rest = relative(path).partition("/")
        return name, rest

    def _find(self, path: str) -> tuple[Filesystem, str]:
        name, rest = self._split(path)
        if not name:
            raise NotAllowed(_ONLY_ACCOUNTS)
        return self._of(self._account(name)), rest

    def _account(self, name: str) -> Account:
        account = self._store.accounts.find(name)
        if account is None:
            raise Missing(f"There is no account {name}.")
        return account

    def _folder(self, account: Account) -> Entry:
        return Entry(account.name, True, 0, FOLDER_MODE, account.created, 1 + account.id)

    def stat(self, path: str) -> Entry:
        """An account's folder, or something in it."""
        name, rest = self._split(path)
        if not name:
            return Entry("", True, 0, FOLDER_MODE, 0.0, 1)
        account = self._account(name)
        return self._of(account).stat(rest) if rest else self._folder(account)

    def listdir(self, path: str) -> list[Entry]:
        """The accounts, or what one of them holds."""
        return list(OpenFolder(partial(self.page, path)))

    def page(self, path: str, after: str, limit: int) -> list[Entry]:
        """The accounts, or what one of them holds."""
        if not self._split(path)[0]:
            accounts = sorted(self._store.accounts.all(), key=lambda account: account.name)
            return [self._folder(account) for account in accounts if account.name > after][:limit]
        filesystem, rest = self._find(path)
        return filesystem.page(rest, after, limit)

    def names(self, path: str, after: str, limit: int) -> list[str]:
        """The names of such a page."""
        if not self._split(path)[0]:
            return super().names(path, after, limit)
        filesystem, rest = self._find(path)
        return filesystem.names(rest, after, limit)

    def hold_folder(self, path: str) -> Slot | None:
        """As the account counts it; the folder of all accounts is not counted."""
        if not self._split(path)[0]:
            return None
        filesystem, rest = self._find(path)
        return filesystem.hold_folder(rest)

    def open(self, path: str, flags: int) -> OpenFile:
        """Open a file of an account."""
        name, rest = self._split(path)
        if not rest:
            if flags & os.O_CREAT and not self._store.accounts.find(name):
                raise NotAllowed(_ONLY_ACCOUNTS)
            raise IsFolder(f"/{self.stat(path).name} is a folder.")
        filesystem, rest = self._find(path)
        return filesystem.open(rest, flags)

    def rename(self, old: str, new: str, *, replace: bool, ends: OpenFile | None = None) -> None:
        """Rename within one account."""
        filesystem, source = self._find(old)
        _, target = self._find(new)
        if self._split(old)[0] != self._split(new)[0]:
            raise OtherAccount("A file cannot be renamed into another account; copy it.")
        filesystem.rename(source, target, replace=replace, ends=ends)

    def remove(self, path: str) -> None:
        """Delete a file of an account."""
        filesystem, rest = self._find(path)
        filesystem.remove(rest)

    def set_times(self, path: str, mtime: float) -> None:
        """Set a draft's time of modification."""
        if self._split(path)[0]:
            filesystem, rest = self._find(path)
            filesystem.set_times(rest, mtime)

    def truncate(self, path: str, size: int) -> None:
        """Cut or extend a draft."""
        filesystem, rest = self._find(path)
        filesystem.truncate(rest, size)

    def chmod(self, path: str, mode: int) -> None:
        """As the account's rules say."""
        filesystem, rest = self._find(path)
        filesystem.chmod(rest, mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        """As the account's rules say."""
        filesystem, rest = self._find(path)
        filesystem.chown(rest, uid, gid)

    def usage(self) -> Usage:
        """The sum of all accounts'."""
        usages = [self._of(account).usage() for account in self._store.accounts.all()]
        return Usage(
            sum(usage.files for usage in usages),
            sum(usage.max_files for usage in usages),
            sum(usage.bytes for usage in usages),
            sum(usage.max_bytes for usage in usages),
        )


class Filesystems:
    """The filesystems of this process, one for each account, made when first asked for.

    Args:
        store: where the files are.
        owner: this process.
        dialect: a dialect by its name.
        most_open: how many files may be open at a time, of all accounts; None for no limit but their own.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        dialect: Callable[[str], Dialect],
        most_open: int | None = None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._dialect = dialect
        self._pool = Pool(most_open)
        self._made: dict[Right, AccountFilesystem] = {}
        self._lock = threading.Lock()

    def of(self, account: Account, access: Access = Access.LOCAL) -> AccountFilesystem:
        """The filesystem of an account for sessions with this access, for as long as that lasts."""
        right = Right.to(account, access)
        with self._lock:
            if right not in self._made:
                self._made[right] = self._make(account, access)
            return self._made[right]

    def _make(self, account: Account, access: Access) -> AccountFilesystem:
        """One that counts what is open together with others of the account.

        Of those the ones of the same access are older, or younger if a login took long; what is still open
        keeps its filesystem, and nobody is given it any more.
        """
        dialect = self._dialect(account.dialect)
        made = AccountFilesystem(self._store, self._owner, account, dialect, self._pool, access)
        for right, other in list(self._made.items()):
            if right.account == account.id:
                made.count_with(other)
                if right.access is access:
                    del self._made[right]
        return made

    def all(self) -> AllAccounts:
        """Every account's, each in a folder of its name."""
        return AllAccounts(self._store, partial(self.of, access=Access.OPERATOR))
