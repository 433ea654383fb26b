"""Operators, and the sessions of the web page."""

from typing import Any

from attrs import asdict

from smsfs.errors import Exists
from smsfs.store.audit import NewEntry
from smsfs.store.operators import OperatorLogin, Role, WebSession
from smsfs.store.sql import Database, Row
from smsfs.store.sql.audit import record


class SqlOperators:
    """The operators of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, role: Role, password: str, entry: NewEntry) -> OperatorLogin:
        """A new operator."""
        values = {"name": name, "role": role, "password": password, "now": entry.at}
        try:
            with self._database.write() as connection:
                made = OperatorLogin(**dict(connection.one("operator_add", **values) or {}))
                record(connection, entry)
        except Exists:
            raise Exists(f"There is an operator {name} already.") from None
        return made

    def find(self, name: str) -> OperatorLogin | None:
        """The operator of that name."""
        return next(map(_operator, self._read("operator_find", name=name)), None)

    def get(self, operator: int) -> OperatorLogin | None:
        """The operator with this number."""
        return next(map(_operator, self._read("operator_get", operator=operator)), None)

    def all(self) -> list[OperatorLogin]:
        """Every operator, by name."""
        return list(map(_operator, self._read("operator_all")))

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def remove(self, name: str, entry: NewEntry) -> bool:
        """Forget an operator."""
        with self._database.write() as connection:
            there = connection.change("operator_drop", name=name) > 0
            if there:
                record(connection, entry)
        return there

    def begin(self, session: WebSession, *, idle_since: float, oldest: float) -> None:
        """Store a session, and forget those that are over."""
        with self._database.write() as connection:
            connection.change("web_session_expire", idle=idle_since, oldest=oldest)
            connection.change("web_session_add", **asdict(session))

    def session(self, token: bytes) -> WebSession | None:
        """The session with this token."""
        rows = self._read("web_session_get", token=token)
        return next((WebSession(**{**dict(row), "token": bytes(row["token"])}) for row in rows), None)

    def use(self, token: bytes, now: float) -> None:
        """Note that a session was used."""
        with self._database.write(synced=False) as connection:
            connection.change("web_session_use", token=token, now=now)

    def end(self, token: bytes) -> None:
        """Forget a session."""
        with self._database.write() as connection:
            connection.change("web_session_drop", token=token)


def _operator(row: Row) -> OperatorLogin:
    return OperatorLogin(**dict(row))
