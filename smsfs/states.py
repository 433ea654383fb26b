"""The lives of files, batches, slices and messages, each as a table.

Rule 1: every change of state is a row of these tables. Code that changes a state asks ``next_file_state`` and
its kin; an SQL statement that changes one names its event, and gets the states from here. Rule 2: nothing
here knows a clock, a database or a protocol. The page docs/states.md is written from these tables, and the
databases' CHECK constraints are held against them.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar


class FileState(StrEnum):
    """Who owns a file: the client (draft), the system (processing), or its own history (the rest)."""

    DRAFT = "draft"
    PROCESSING = "processing"
    SUCCESS = "success"
    REJECTED = "rejected"
    CONSUMED = "consumed"


class BatchState(StrEnum):
    """How far smsfs is with reading a submitted file."""

    PENDING = "pending"
    READING = "reading"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class SliceState(StrEnum):
    """Where some messages of a batch are, which are claimed and tried again together."""

    STAGED = "staged"
    QUEUED = "queued"
    CLAIMED = "claimed"
    STOPPED = "stopped"
    HELD = "held"
    DONE = "done"


class MessageState(StrEnum):
    """What has become of one message."""

    QUEUED = "queued"
    HELD = "held"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


F, B, L, M = FileState, BatchState, SliceState, MessageState
S = TypeVar("S", FileState, BatchState, SliceState, MessageState)

#: event -> the state in which something comes into being by it.
FILE_BIRTHS: dict[str, FileState] = {"create": F.DRAFT, "report": F.SUCCESS, "begin_result": F.PROCESSING}
BATCH_BIRTHS: dict[str, BatchState] = {"submit": B.PENDING, "note": B.REJECTED}
SLICE_BIRTHS: dict[str, SliceState] = {"stage": L.STAGED, "later": L.QUEUED, "keep": L.HELD}
MESSAGE_BIRTHS: dict[str, MessageState] = {"store": M.QUEUED}

#: event -> the state it needs -> the state it leads to.
FILE_TRANSITIONS: dict[str, dict[FileState, FileState]] = {
    "submit": {F.DRAFT: F.PROCESSING, F.REJECTED: F.PROCESSING},
    "accept": {F.PROCESSING: F.SUCCESS},
    "reject": {F.PROCESSING: F.REJECTED},
    "consume": {F.PROCESSING: F.CONSUMED},
    "ignore": {F.PROCESSING: F.DRAFT},
    "reopen": {F.REJECTED: F.DRAFT},
    "end_result": {F.PROCESSING: F.SUCCESS},
}

BATCH_TRANSITIONS: dict[str, dict[BatchState, BatchState]] = {
    "claim": {B.PENDING: B.READING},
    "retry": {B.READING: B.PENDING},
    "abandon": {B.READING: B.PENDING},
    "accept": {B.READING: B.ACCEPTED},
    "reject": {B.READING: B.REJECTED},
    "ignore": {B.READING: B.REJECTED},
}

SLICE_TRANSITIONS: dict[str, dict[SliceState, SliceState]] = {
    "queue": {L.STAGED: L.QUEUED},
    "refuse": {L.STAGED: L.DONE},
    "claim": {L.QUEUED: L.CLAIMED},
    "release": {L.CLAIMED: L.QUEUED},
    "finish": {L.CLAIMED: L.DONE},
    "put_back": {L.DONE: L.QUEUED},
    # An order concerns some messages of a slice at least: none of them leaves before it is known which.
    "stop": {L.QUEUED: L.STOPPED, L.HELD: L.STOPPED},
    "hold": {L.STOPPED: L.HELD},
    "let_go": {L.STOPPED: L.QUEUED},
    "split": {L.STOPPED: L.DONE},
}

MESSAGE_TRANSITIONS: dict[str, dict[MessageState, MessageState]] = {
    "claim": {M.QUEUED: M.SUBMITTING},
    # The messages of a slice that is stopped count as held.
    "hold": {M.QUEUED: M.HELD},
    "release": {M.HELD: M.QUEUED},
    "not_now": {M.SUBMITTING: M.QUEUED},
    "accepted": {M.SUBMITTING: M.SUBMITTED, M.UNKNOWN: M.SUBMITTED},
    "part": {},
    "alias": {},
    "spare": {},
    "passing": {},
    "refused": {M.SUBMITTING: M.REJECTED, M.UNKNOWN: M.REJECTED},
    "no_answer": {M.SUBMITTING: M.UNKNOWN},
    "resend": {M.UNKNOWN: M.QUEUED},
    # A slice whose time is over is claimed before its messages are given up, so they are SUBMITTING.
    "too_late": {M.SUBMITTING: M.EXPIRED},
    "cancel": {M.SUBMITTING: M.CANCELLED, M.HELD: M.CANCELLED},
    # An earlier attempt may turn out to have arrived, whatever became of the message since.
    "delivered": {state: M.DELIVERED for state in M if state is not M.DELIVERED},
    "undelivered": {M.SUBMITTED: M.UNDELIVERED, M.UNKNOWN: M.UNDELIVERED},
    "receipt_expired": {M.SUBMITTED: M.EXPIRED, M.UNKNOWN: M.EXPIRED},
}

#: What became of a message, or of a part of it, as it is waited for; the other events lie in between.
WORDS = frozenset(
    {"accepted", "refused", "no_answer", "too_late", "cancel", "delivered", "undelivered", "receipt_expired"}
)
#: What becomes of few messages: a store knows of which ones.
RARE_EVENTS = frozenset({"no_answer", "refused", "too_late", "cancel", "undelivered", "receipt_expired"})
#: smsfs has yet to send a message in one of these.
LEAVING_STATES = frozenset({M.QUEUED, M.HELD, M.SUBMITTING})
#: The carrier has a message in one of these, or may have it: a receipt may say more, or none may ever come.
SENT_STATES = frozenset({M.SUBMITTED, M.UNKNOWN})
#: The last word on a message, unless a receipt says after all that it was delivered.
ENDED_STATES = frozenset({M.DELIVERED, M.UNDELIVERED, M.REJECTED, M.EXPIRED, M.CANCELLED})

#: What a client may do with a file, beside listing it and reading its attributes.
CLIENT_RIGHTS: dict[FileState, frozenset[str]] = {
    F.DRAFT: frozenset({"read", "write", "rename", "overwrite", "delete", "set_times"}),
    F.PROCESSING: frozenset({"read"}),
    F.SUCCESS: frozenset({"read", "delete"}),
    F.REJECTED: frozenset({"read", "delete", "rename"}),
    F.CONSUMED: frozenset(),
}

#: kind -> how its life begins, and how it goes on.
LIVES: dict[str, tuple[Mapping[str, StrEnum], Mapping[str, Mapping[Any, StrEnum]]]] = {
    "file": (FILE_BIRTHS, FILE_TRANSITIONS),
    "batch": (BATCH_BIRTHS, BATCH_TRANSITIONS),
    "slice": (SLICE_BIRTHS, SLICE_TRANSITIONS),
    "message": (MESSAGE_BIRTHS, MESSAGE_TRANSITIONS),
}


class IllegalTransitionError(Exception):
    """A change of state that is not in the tables: an error of ours, never of a client."""


def next_file_state(state: FileState, event: str) -> FileState:
    """The state a file is in after ``event``.

    Raises:
        IllegalTransitionError: the event does not happen to a file in this state.
    """
    return _next(FILE_TRANSITIONS, state, event)


def next_batch_state(state: BatchState, event: str) -> BatchState:
    """The state a batch is in after ``event``.

    Raises:
        IllegalTransitionError: the event does not happen to a batch in this state.
    """
    return _next(BATCH_TRANSITIONS, state, event)


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


def born(kind: str, event: str) -> str:
    """The state in which something of a kind comes into being by ``event``.

    Raises:
        IllegalTransitionError: nothing of this kind does.
    """
    births, _ = LIVES[kind]
    if event not in births:
        raise IllegalTransitionError(f"no {kind} comes into being by {event}")
    return births[event].value


def move(kind: str, event: str) -> tuple[list[str], str]:
    """The states in which ``event`` happens to something of a kind, and the one it leads to.

    Raises:
        IllegalTransitionError: it happens in none, or leads to several.
    """
    _, transitions = LIVES[kind]
    moves = transitions.get(event, {})
    targets = {state.value for state in moves.values()}
    if len(targets) != 1:
        raise IllegalTransitionError(f"{event} leads a {kind} to {len(targets)} states")
    return [state.value for state in moves], targets.pop()


def check_outcome(event: str) -> None:
    """Check that an event may be noted of a message.

    Raises:
        IllegalTransitionError: no message knows it.
    """
    if event not in MESSAGE_TRANSITIONS:
        raise IllegalTransitionError(f"{event} does not happen to messages")


def rare_ways_to(state: MessageState) -> frozenset[str] | None:
    """The events that lead to a state, if each of them is rare; None if a message may get there otherwise."""
    ways = frozenset(event for event, moves in MESSAGE_TRANSITIONS.items() if state in moves.values())
    return ways if ways <= RARE_EVENTS else None


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
    """A mermaid state diagram of ``"file"``, ``"batch"``, ``"slice"`` or ``"message"``."""
    births, transitions = LIVES[kind]
    lines = ["stateDiagram-v2", *(f"    [*] --> {state}: {event}" for event, state in births.items())]
    for event, moves in transitions.items():
        lines += [f"    {source} --> {target}: {event}" for source, target in moves.items()]
    return "\n".join(lines) + "\n"
