"""Receipts become outcomes of the messages whose ids they name."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from smsfs.states import WORDS, check_outcome
from smsfs.store import MatchedReceipt, NewReceipt
from smsfs.store.sql import Connection, Row
from smsfs.store.sql.outcomes import tell_results
from smsfs.store.sql.recent import Place

#: Among the words that were said of an id: its price is known.
PRICED = "$"
#: Where the values of ``outcome_add`` stand.
_BATCH, _EVENT = 0, 4
#: By backend, where some ids belong that were recorded lately.
Remembered = Mapping[str, Mapping[str, Place]]
#: The message of each id that is one, and what its receipts said so far.
Known = dict[str, tuple[Row, set[str]]]


def match(
    connection: Connection, receipts: Mapping[int, NewReceipt], remembered: Remembered
) -> dict[int, MatchedReceipt | None]:
    """Make outcomes of the receipts whose ids are known; None for those that are outcomes already."""
    found: dict[int, MatchedReceipt | None] = {}
    outcomes = []
    for backend, own in by_backend(receipts).items():
        known = _known(connection, backend, own.values(), remembered.get(backend, {}))
        for number, receipt in own.items():
            told = _under_a_known_id(receipt, known)
            if told is None:
                continue
            row, words = known[told.carrier_id]
            what = _news(told, words)
            found[number] = message_of(told, row) if what else None
            if what:
                outcomes.append(receipt_row(told, row, what))
    append(connection, outcomes)
    return found


def _news(told: NewReceipt, words: set[str]) -> str:
    """As what a receipt counts after some words; empty if it says nothing new.

    One that only adds a price is still on its way: it changes no state.
    """
    word = told.reason if told.event == "passing" else told.event
    new = {word, PRICED} if told.price else {word}
    if new <= words:
        return ""
    event = "passing" if word in words else told.event
    words |= new
    return event


def by_backend(receipts: Mapping[int, NewReceipt]) -> dict[str, dict[int, NewReceipt]]:
    """Receipts, sorted by the backend that they came by."""
    sorted_: dict[str, dict[int, NewReceipt]] = defaultdict(dict)
    for number, receipt in receipts.items():
        sorted_[receipt.backend][number] = receipt
    return sorted_


def ids(receipts: Mapping[int, NewReceipt]) -> set[str]:
    """The ids that some receipts name."""
    readable = [item for item in receipts.values() if item.readable]
    return {name for item in readable for name in (item.carrier_id, item.other) if name}


def append(connection: Connection, outcomes: Sequence[tuple[Any, ...]]) -> None:
    """Add what receipts say, each the values of ``outcome_add``."""
    connection.add("outcome_add", outcomes)
    told = Counter(dict.fromkeys([row[_BATCH] for row in outcomes], 0))
    told.update(row[_BATCH] for row in outcomes if row[_EVENT] in WORDS)
    tell_results(connection, told)


def receipt_row(receipt: NewReceipt, row: Row, event: str, recipient: int | None = None) -> tuple[Any, ...]:
    """What a receipt says of a message, or of one part of it, under the attempt that it is of.

    The values of ``outcome_add``.
    """
    check_outcome(event)
    price = None if event == "part" else receipt.price
    return (
        *(row["batch"], row["row"], row["slice"], row["attempt"], event, receipt.carrier_id),
        *(receipt.code, receipt.reason, 0, receipt.at, recipient, receipt.done, price),
    )


def message_of(receipt: NewReceipt, row: Row) -> MatchedReceipt:
    """A receipt and the message that it is of."""
    return MatchedReceipt(receipt, row["account"], row["path"], row["row"])


def _under_a_known_id(receipt: NewReceipt, known: Container[str]) -> NewReceipt | None:
    """The receipt under that of its ids which is somebody's; None if none is."""
    if not receipt.readable:
        return None
    if receipt.carrier_id in known:
        return receipt
    return replace(receipt, carrier_id=receipt.other) if receipt.other in known else None


def _known(
    connection: Connection, backend: str, receipts: Iterable[NewReceipt], places: Mapping[str, Place]
) -> Known:
    """What is known of the ids that receipts name: of each receipt's other id only if it has to be asked."""
    known = _at(connection, places) if places else {}
    named = {
        name
        for item in receipts
        if item.readable and item.carrier_id not in known
        for name in (item.carrier_id, item.other)
        if name and name not in known
    }
    return known | _anywhere(connection, backend, named) if named else known


def _anywhere(connection: Connection, backend: str, named: Collection[str]) -> Known:
    """What is known of some ids, wherever their messages are."""
    rows = connection.all("outcome_by_carrier", backend=backend, ids=json.dumps(sorted(named)))
    return {row["carrier_id"]: (row, set(row["words"].split(","))) for row in rows}


def _at(connection: Connection, places: Mapping[str, Place]) -> Known:
    """What is known of some ids that belong to certain messages, unless these were deleted meanwhile."""
    attempts: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for batch, row, slice_, attempt in places.values():
        attempts[batch, slice_, attempt].append(row)
    known: Known = {}
    for (batch, slice_, attempt), rows in attempts.items():
        asked = {"batch": batch, "slice": slice_, "attempt": attempt}
        whose = connection.one("batch_whose", batch=batch)
        if whose is None:
            continue
        for told in connection.all("outcome_of_ids", rows=json.dumps(rows), **asked):
            name, row = told["carrier_id"], told["row"]
            if places.get(name) == (batch, row, slice_, attempt):
                message = {**asked, "row": row, "account": whose["account"], "path": whose["path"]}
                known.setdefault(name, (message, set()))[1].update(told["words"].split(","))
    return known
