"""Writes docs/states.md from the tables of smsfs.states: ``python -m tests.support.docs``."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from smsfs.states import (
    CLIENT_RIGHTS,
    ENDED_STATES,
    LEAVING_STATES,
    LIVES,
    SENT_STATES,
    BatchState,
    FileState,
    MessageState,
    SliceState,
    diagram,
)

PAGE = Path(__file__).parents[2] / "docs" / "states.md"

FILE_STATES = {
    FileState.DRAFT: "the client's: being uploaded, or not submitted yet",
    FileState.PROCESSING: "submitted; smsfs reads it",
    FileState.SUCCESS: "every message of it is stored and goes to its backend",
    FileState.REJECTED: "nothing of it is sent; the causes are at its end",
    FileState.CONSUMED: "accepted and out of sight: `naxai` hides a file once its messages are queued",
}
FILE_EVENTS = {
    "create": "a client creates it",
    "report": "smsfs writes a report beside a client's file, or one of a day",
    "begin_result": "smsfs writes the first version of a result file",
    "submit": "a client renames it so that its dialect submits it",
    "accept": "it was read to its end and its messages were queued",
    "reject": "it cannot be sent as it is, or reading it failed too often",
    "consume": "it is finished and its dialect shows it no longer",
    "ignore": "it is not a file that its account sends, and stays as it is",
    "reopen": "a client renames a rejected file, to mend it",
    "end_result": "no message in its result file will change any more",
}
BATCH_STATES = {
    BatchState.PENDING: "waits to be read, perhaps not for the first time",
    BatchState.READING: "a process reads it and stages its messages",
    BatchState.ACCEPTED: "its messages were queued, except those that were refused",
    BatchState.REJECTED: "nothing of it is sent",
}
BATCH_EVENTS = {
    "submit": "a client submits a file",
    "note": "a draft that will never be submitted as it is gets a report",
    "claim": "a process takes it to read",
    "retry": "reading failed through no fault of the file, or was broken off; it is read again",
    "abandon": "the process that read it died",
    "accept": "it was read to its end: its file becomes `success` or `consumed`",
    "reject": "its file becomes `rejected`",
    "ignore": "its file is a draft again",
}
SLICE_STATES = {
    SliceState.STAGED: "stored while its batch is being read; goes with it unless that is accepted",
    SliceState.QUEUED: "waits for its backend",
    SliceState.CLAIMED: "a dispatcher has it; that one alone may send its messages",
    SliceState.STOPPED: "an operator's order is about to be carried out; its messages count as `held`",
    SliceState.HELD: "held by an operator",
    SliceState.DONE: "each message has an outcome or went to a later slice, or it was set aside",
}
SLICE_EVENTS = {
    "stage": "reading stores some messages",
    "later": "messages of another slice are to be tried again",
    "keep": "some messages of another slice are held, the others are not",
    "queue": "its batch is accepted",
    "refuse": "its batch is accepted, and its messages are those that are never sent",
    "claim": "a dispatcher takes it",
    "release": "a dispatcher gives it back, and nothing of it was sent",
    "finish": "what became of the last of its messages is stored",
    "put_back": "an operator puts it back after it was set aside",
    "stop": "an operator orders something about its batch, or what comes back was ordered about before",
    "hold": "all of its messages are to be held",
    "let_go": "none of its messages is to be held any longer, or was meant",
    "split": "its messages are cancelled, or went to other slices: those that wait, those that are held",
}
MESSAGE_STATES = {
    MessageState.QUEUED: "stored; waits for its backend",
    MessageState.HELD: "an operator holds it: it waits until it is released or cancelled",
    MessageState.SUBMITTING: "handed to the backend, which has not answered",
    MessageState.SUBMITTED: "the backend took it",
    MessageState.DELIVERED: "the carrier says that it reached the phone",
    MessageState.UNDELIVERED: "the carrier says that it did not",
    MessageState.REJECTED: "the backend refused it for good",
    MessageState.EXPIRED: "it did not leave or did not arrive within its validity",
    MessageState.UNKNOWN: "the backend may have it: its answer is lost",
    MessageState.CANCELLED: "not sent: its time window ended first, or an operator cancelled it",
}
MESSAGE_EVENTS = {
    "store": "its file is accepted",
    "claim": "a dispatcher takes it; committed before its first byte leaves",
    "hold": "an operator holds it, or the rest of its file",
    "release": "an operator releases it",
    "not_now": "the backend asks for it, its dialect names another time, or an operator calls it back",
    "accepted": "the backend took it",
    "refused": "the backend refused it, or smsfs did when it read the file",
    "no_answer": "the connection broke, or the process died, before an answer was stored",
    "resend": "it is tried again after that, and may reach its phone twice",
    "too_late": "its validity ended before it left",
    "cancel": "its time window ended before it left, with no other to come, or an operator cancels it",
    "delivered": "receipts say so, of every part",
    "undelivered": "a receipt says so, of one part at least",
    "receipt_expired": "a receipt says so, of one part at least",
    "part": "notes a further id that the carrier has for it",
    "alias": "notes a further id, where one receipt speaks for all parts",
    "spare": "notes a further id, which no receipt will mention",
    "passing": "a receipt says that it is on its way; shown as the `reason`",
}
RIGHTS = ("read", "write", "overwrite", "rename", "delete", "set_times")

HEAD = """\
# States

Written by `python -m tests.support.docs` from the tables in `smsfs/states.py`, which every change of state
goes through. A test fails when this page and the tables differ.
"""

RIGHTS_TEXT = """\
What a client may do with a file in each state, besides listing it. Renaming a rejected file to a name that
submits sends it in again, without the causes at its end; any other name makes it a draft again. Setting times
where the table says no is accepted and changes nothing.
"""
BATCHES_TEXT = """\
A batch is one submission of a file: the result of reading it, and the messages that it produced. One process
at a time reads it.
"""
SLICES_TEXT = """\
A slice is a group of messages of a batch that are claimed and sent together. What a backend answers about
each message is appended to its history while the slice is claimed.
"""
RECEIPTS_TEXT = """\
Receipts come for parts. A message is delivered when every part of one attempt is, whatever became of its
other attempts; it is undelivered, or expired, when one part of its last attempt is. Where a carrier sends no
receipts, `submitted` is the last state; where it sends one for all parts, `receipts` of its backend says so.
"""


def markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _life(kind: str, states: Mapping[Any, str], meanings: Mapping[str, str]) -> str:
    """The diagram of a kind, what its states mean, and when it goes from one to another."""
    births, transitions = LIVES[kind]
    rows = [(f"`{event}`", "", str(state), meanings[event]) for event, state in births.items()]
    rows += [
        (f"`{event}`", str(source), str(target), meanings[event])
        for event, moves in transitions.items()
        for source, target in moves.items()
    ]
    return "\n".join(
        [
            f"```mermaid\n{diagram(kind)}```\n",
            markdown(("state", "meaning"), [(str(state), meaning) for state, meaning in states.items()]),
            markdown(("event", "from", "to", "when"), rows),
        ]
    )


def _noted() -> str:
    """The events of a message that change nothing by themselves."""
    _, transitions = LIVES["message"]
    rows = [(f"`{event}`", MESSAGE_EVENTS[event]) for event, moves in transitions.items() if not moves]
    return markdown(("event that changes no state", "what it is"), rows)


def _named(states: Collection[MessageState]) -> str:
    return ", ".join(state for state in MessageState if state in states)


def _rights() -> str:
    rows = [
        (state, *("yes" if right in CLIENT_RIGHTS[state] else "no" for right in RIGHTS))
        for state in FileState
    ]
    return markdown(("state", *(right.replace("_", " ") for right in RIGHTS)), rows)


def states() -> str:
    """The page docs/states.md."""
    kinds = (
        f"smsfs has yet to send: {_named(LEAVING_STATES)}. The carrier has it or may have it, and a receipt\n"
        f"may say more: {_named(SENT_STATES)}. Ended, unless a receipt says after all that it was\n"
        f"delivered: {_named(ENDED_STATES)}.\n"
    )
    return "\n".join(
        [
            HEAD,
            "## Files\n",
            _life("file", FILE_STATES, FILE_EVENTS),
            RIGHTS_TEXT,
            _rights(),
            "## Batches\n",
            BATCHES_TEXT,
            _life("batch", BATCH_STATES, BATCH_EVENTS),
            "## Slices\n",
            SLICES_TEXT,
            _life("slice", SLICE_STATES, SLICE_EVENTS),
            "## Messages\n",
            _life("message", MESSAGE_STATES, MESSAGE_EVENTS),
            _noted(),
            kinds,
            RECEIPTS_TEXT,
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(states(), encoding="utf-8")
