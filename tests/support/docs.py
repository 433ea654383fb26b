"""Writes docs/states.md from the tables of smsfs.states: ``python -m tests.support.docs``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from smsfs.states import (
    CLIENT_RIGHTS,
    FILE_TRANSITIONS,
    FINAL_MESSAGE_STATES,
    MESSAGE_TRANSITIONS,
    FileState,
    MessageState,
    diagram,
)

PAGE = Path(__file__).parents[2] / "docs" / "states.md"

FILE_STATES = {
    FileState.DRAFT: "the client's: being uploaded, or not submitted yet",
    FileState.PROCESSING: "submitted; smsfs reads it",
    FileState.SUCCESS: "every message of it is stored and goes to its backend",
    FileState.REJECTED: "nothing of it is sent; the causes stand at its bottom",
    FileState.CONSUMED: "finished and out of sight (no dialect so far uses it)",
}
FILE_EVENTS = {
    "submit": "a client renames it so that its dialect submits it",
    "accept": "it was read to its end and its messages were queued",
    "reject": "it cannot be sent as it is, or reading it failed too often",
    "consume": "it is finished and its dialect shows it no longer",
    "ignore": "it is none for its account, and stays as it is",
    "reopen": "a client renames a rejected file, to mend it",
}
MESSAGE_STATES = {
    MessageState.QUEUED: "stored; waits for its backend",
    MessageState.SUBMITTING: "handed to the backend, which has not answered",
    MessageState.SUBMITTED: "the backend took it",
    MessageState.DELIVERED: "the carrier says that it reached the phone",
    MessageState.UNDELIVERED: "the carrier says that it did not",
    MessageState.REJECTED: "the backend refused it for good",
    MessageState.EXPIRED: "it did not leave, or not arrive, within its validity",
    MessageState.UNKNOWN: "the backend may have it: its answer is lost",
    MessageState.CANCELLED: "withdrawn before it left",
}
MESSAGE_EVENTS = {
    "claim": "a dispatcher takes it; committed before its first byte leaves",
    "not_now": "the backend asks to try again later",
    "accepted": "the backend took it",
    "refused": "the backend refused it",
    "no_answer": "the connection broke, or the process died, before an answer was stored",
    "resend": "it is tried again after that, and may reach its phone twice",
    "too_late": "its validity ended before it left",
    "cancel": "an operator withdraws it",
    "delivered": "receipts say so, of every part",
    "undelivered": "a receipt says so, of one part at least",
    "receipt_expired": "a receipt says so, of one part at least",
}
RIGHTS = ("read", "write", "overwrite", "rename", "delete", "set_times")

HEAD = """\
# States

Written by `python -m tests.support.docs` from the tables in `smsfs/states.py`, which every change of state
goes through. A test fails when this page and the tables differ.
"""

RIGHTS_TEXT = """\
What a client may do with a file in each state, beside listing it. Renaming a rejected file to a name that
submits submits it again, without the causes at its bottom; any other name makes it a draft again. Setting
times where the table says no is accepted and changes nothing.
"""
RECEIPTS_TEXT = """\
Receipts come for parts. A message is delivered when every part of one attempt is, whatever became of its
other attempts; it is undelivered, or expired, when one part of its last attempt is. Where a carrier sends no
receipts, `submitted` is the last state; where it sends one for all parts, `receipts` of its backend says so.
A word such as `ENROUTE`, after which another is to come, changes no state, but is shown as the `reason`. No
command cancels yet.
"""


def markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _moves(
    table: Mapping[str, Mapping[FileState, FileState]] | Mapping[str, Mapping[MessageState, MessageState]],
    meanings: dict[str, str],
) -> str:
    rows = [
        (f"`{event}`", source, target, meanings[event])
        for event, moves in table.items()
        for source, target in moves.items()
    ]
    return markdown(("event", "from", "to", "when"), rows)


def _rights() -> str:
    rows = [
        (state, *("yes" if right in CLIENT_RIGHTS[state] else "no" for right in RIGHTS))
        for state in FileState
    ]
    return markdown(("state", *(right.replace("_", " ") for right in RIGHTS)), rows)


def states() -> str:
    """The page docs/states.md."""
    finals = ", ".join(state for state in MessageState if state in FINAL_MESSAGE_STATES)
    return "\n".join(
        [
            HEAD,
            "## Files\n",
            f"```mermaid\n{diagram('file')}```\n",
            markdown(("state", "meaning"), [(state, FILE_STATES[state]) for state in FileState]),
            _moves(FILE_TRANSITIONS, FILE_EVENTS),
            RIGHTS_TEXT,
            _rights(),
            "## Messages\n",
            f"```mermaid\n{diagram('message')}```\n",
            markdown(("state", "meaning"), [(state, MESSAGE_STATES[state]) for state in MessageState]),
            _moves(MESSAGE_TRANSITIONS, MESSAGE_EVENTS),
            f"Final, unless a receipt or a resend says otherwise: {finals}.\n\n{RECEIPTS_TEXT}",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(states(), encoding="utf-8")
