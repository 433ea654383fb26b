"""Files and who writes to them, as they are read."""

import json
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from smsfs.states import FileState
from smsfs.store import Account, File, Listed, Stored
from smsfs.store.sql import Connection, Row
from smsfs.store.sql.accounts import account_of

_STATES = {str(state): state for state in FileState}
_listed = itemgetter("id", "name", "state", "content", "size", "tail", "mtime", "unsure")


def split(path: str) -> dict[str, str]:
    """A path as folder and name."""
    folder, _, name = path.rpartition("/")
    return {"folder": folder, "name": name}


def file_from(row: Row) -> File:
    """The record of a row of ``file``."""
    return File(
        id=row["id"],
        account=row["account"],
        folder=row["folder"],
        name=row["name"],
        state=_STATES[row["state"]],
        content=row["content"],
        size=row["size"],
        tail=row["tail"],
        mtime=row["mtime"],
        cut=bool(row["cut"]),
        writers=tuple(map(int, row["writers"].split(","))) if row["writers"] else (),
    )


class SqlFileView:
    """What can be read of files through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._one = connection.one

    def _file(self, statement: str, /, **values: Any) -> File | None:
        row = self._one(statement, **values)
        return file_from(row) if row else None

    def account(self, account: int) -> Account | None:
        """The account with this id."""
        row = self._one("account_get", account=account)
        return account_of(row) if row else None

    def known(self, account: int, path: str, now: float) -> File | None:
        """The file at ``path``, or the one that was submitted under it."""
        return self._file("file_known", account=account, path=path, now=now, **split(path))

    def taken(self, account: int, paths: Iterable[str]) -> bool:
        """Whether there is a file at one of these paths."""
        names = [tuple(split(path).values()) for path in paths]
        return self._one("file_taken", account=account, names=json.dumps(names)) is not None

    def find(self, account: int, path: str) -> File | None:
        """The file at ``path``."""
        return self._file("file_find", account=account, **split(path))

    def get(self, file: int) -> File | None:
        """The file with this id."""
        return self._file("file_get", file=file)

    def listing(self, account: int, folder: str) -> list[File]:
        """The files directly in a folder."""
        return [
            file_from(row) for row in self._connection.all("file_listing", account=account, folder=folder)
        ]

    def page(self, account: int, folder: str, after: str, limit: int) -> list[Listed]:
        """Some files directly in a folder, by the bytes of their names."""
        values = {"account": account, "folder": folder, "after": after, "limit": limit}
        rows = map(_listed, self._connection.all("file_page", **values))
        return [
            Listed(file, name, _STATES[state], content, size, tail, mtime, bool(unsure))
            for file, name, state, content, size, tail, mtime, unsure in rows
        ]

    def names(self, account: int, folder: str, after: str, limit: int) -> list[str]:
        """Their names."""
        values = {"account": account, "folder": folder, "after": after, "limit": limit}
        return [row["name"] for row in self._connection.all("file_names", **values)]

    def alias(self, account: int, path: str, now: float) -> File | None:
        """The file that was submitted under ``path``."""
        return self._file("alias_find", account=account, path=path, now=now)

    def usage(self, account: int) -> Stored:
        """What an account stores."""
        row = self._one("file_usage", account=account)
        return Stored(row["files"], row["bytes"]) if row else Stored(0, 0)
