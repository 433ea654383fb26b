"""A session of the pool, and what the pool asks the server."""

import select
import time
from typing import Protocol

import psycopg
from attrs import define, field
from psycopg.pq import TransactionStatus

from smsfs.store.changes import About, concerns
from smsfs.store.postgresql.sessions import Facts, Session

UNUSABLE = (psycopg.Error, OSError)


class Watch(Protocol):
    """What the pool asks the server, on sessions that nobody else uses meanwhile."""

    def connect(self) -> tuple[Session, Facts]:
        """A new session, ready for use."""

    def room(self, session: Session) -> int:
        """How many more sessions the server would give to this role."""

    def works(self, session: Session, backend: int) -> bool:
        """Whether a process of the server still works on what it was asked."""

    def end(self, session: Session, backend: int) -> None:
        """End a process of the server."""


@define(eq=False)
class Member:
    """A session of the pool.

    Attributes:
        session: the session.
        facts: what it is.
        since: by the monotonic clock, when it was last given back.
        waits: whether its thread only waits for changes, and gives it to any other that needs it.
        vouched: by the same clock, when the server last said that it still works on what this one asked.
    """

    session: Session
    facts: Facts
    since: float = field(factory=time.monotonic)
    waits: bool = False

    vouched: float = 0.0

    def is_usable(self) -> bool:
        """Whether nothing says that it is broken, without a word to the server."""
        session = self.session
        try:
            for _ in range(3):  # what the server said last, and then that it is gone
                if session.closed or not is_readable(session, 0):
                    break
                session.pgconn.consume_input()
        except UNUSABLE:
            return False
        return not session.closed and session.info.transaction_status == TransactionStatus.IDLE


def is_readable(session: Session, seconds: float, wake: int | None = None) -> bool:
    """Whether something came from the server within some seconds, or until ``wake`` can be read from."""
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    if wake is not None:
        poll.register(wake, select.POLLIN)
    return session.fileno() in {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)}


def silent_for(member: Member, now: float) -> float:
    """How long nothing has come or gone for its thread since the server was last asked why."""
    moved = member.session.moved
    return 0.0 if moved is None else now - max(moved, member.vouched)


def hears_of(session: Session, about: About) -> bool:
    """Whether what was heard since the last look, with an answer or without, is such a change."""
    while told := session.pgconn.notifies():
        session.heard.add(told.extra.decode())
    heard, session.heard = session.heard, set()
    return any(concerns(told, about) for told in heard)
