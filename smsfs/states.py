"""The life of a file and the life of a message, as two tables.

Rule 1: everything that decides whether a change of state is legal is here; no other module compares
states to decide that. Rule 2: nothing here knows a clock, a database or a protocol. The diagrams in the
documentation are drawn from these tables, and the database's CHECK constraints are held against them.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar


class FileState(StrEnum):
    """Who owns a file: the client (draft), the system (processing), or its own history (the rest)."""

    DRAFT = "draft"
    PROCESSING = "processing"
    SUCCESS = "success"
    REJECTED = "rejected"
    CONSUMED = "consumed"


class MessageState(StrEnum):
    """What has become of one message."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


F, M = FileState, MessageState
S = TypeVar("S", FileState, MessageState)

#: event -> the state it needs -> the state it leads to.
FILE_TRANSITIONS: dict[str, dict[FileState, FileState]] = {
    "submit": {F.DRAFT: F.PROCESSING, F.REJECTED: F.PROCESSING},
    "accept": {F.PROCESSING: F.SUCCESS},
    "reject": {F.PROCESSING: F.REJECTED},
    "consume": {F.PROCESSING: F.CONSUMED},
    "ignore": {F.PROCESSING: F.DRAFT},
    "reopen": {F.REJECTED: F.DRAFT},
}

MESSAGE_TRANSITIONS: dict[str, dict[MessageState, MessageState]] = {
    "claim": {M.QUEUED: M.SUBMITTING},
    "not_now": {M.SUBMITTING: M.QUEUED},
    "accepted": {M.SUBMITTING: M.SUBMITTED, M.UNKNOWN: M.SUBMITTED},
    "part": {},  # a further id of what the carrier has; changes nothing by itself
    "alias": {},  # likewise, where one receipt speaks for all parts
    "spare": {},  # likewise, of which no receipt says anything
    "passing": {},  # a receipt says that it is on its way
    "refused": {M.SUBMITTING: M.REJECTED, M.UNKNOWN: M.REJECTED},
    "no_answer": {M.SUBMITTING: M.UNKNOWN},
    "resend": {M.UNKNOWN: M.QUEUED},
    "too_late": {M.QUEUED: M.EXPIRED, M.SUBMITTING: M.EXPIRED},
    "cancel": {M.QUEUED: M.CANCELLED, M.SUBMITTING: M.CANCELLED},
    # An earlier attempt may turn out to have arrived, whatever became of the message since.
    "delivered": {state: M.DELIVERED for state in M if state is not M.DELIVERED},
    "undelivered": {M.SUBMITTED: M.UNDELIVERED, M.UNKNOWN: M.UNDELIVERED},
    "receipt_expired": {M.SUBMITTED: M.EXPIRED, M.UNKNOWN: M.EXPIRED},
}

#: A message in one of these is done with, unless an operator or a late receipt says otherwise.
FINAL_MESSAGE_STATES = frozenset(
    {M.SUBMITTED, M.DELIVERED, M.UNDELIVERED, M.REJECTED, M.EXPIRED, M.UNKNOWN, M.CANCELLED}
)

#: What a client may do with a file, beside listing it and reading its attributes.
CLIENT_RIGHTS: dict[FileState, frozenset[str]] = {
    F.DRAFT: frozenset({"read", "write", "rename", "overwrite", "delete", "set_times"}),
    F.PROCESSING: frozenset({"read"}),
    F.SUCCESS: frozenset({"read", "delete"}),
    F.REJECTED: frozenset({"read", "delete", "rename"}),
    F.CONSUMED: frozenset(),
}


class IllegalTransitionError(Exception):
    """A change of state that is not in the tables: an error of ours, never of a client."""


def next_file_state(state: FileState, event: str) -> FileState:
    """The state a file is in after ``event``.

    Raises:
        IllegalTransitionError: the event does not happen to a file in this state.
    """
    return _next(FILE_TRANSITIONS, state, event)


def next_message_state(state: MessageState, event: str) -> MessageState:
    """The state a message is in after ``event``.

    Raises:
        IllegalTransitionError: the event does not happen to a message in this state.
    """
    return _next(MESSAGE_TRANSITIONS, state, event)


def _next(table: dict[str, dict[S, S]], state: S, event: str) -> S:
    try:
        return table[event][state]
    except KeyError:
        raise IllegalTransitionError(f"{event} does not happen to {state}") from None


def fold(initial: MessageState, events: Iterable[str]) -> MessageState:
    """The state of a message: where its slice puts it, then what was appended about it, in order.

    An event that is not legal in the state reached is passed over: appended history may hold a late
    receipt or a stale worker's word, and states never go backward.
    """
    state = initial
    for event in events:
        state = MESSAGE_TRANSITIONS.get(event, {}).get(state, state)
    return state


def diagram(kind: str) -> str:
    """A mermaid state diagram of ``"file"`` or ``"message"``, drawn from the table."""
    table: dict[str, dict[FileState, FileState]] | dict[str, dict[MessageState, MessageState]]
    table, start = (FILE_TRANSITIONS, "draft") if kind == "file" else (MESSAGE_TRANSITIONS, "queued")
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    for event, moves in table.items():
        lines += [f"    {source} --> {target}: {event}" for source, target in moves.items()]
    return "\n".join(lines) + "\n"
