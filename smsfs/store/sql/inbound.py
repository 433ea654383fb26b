"""Receipts on their way to the messages they are of."""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict
from msgspec.structs import replace

from smsfs.store import (
    Arrived,
    MatchedReceipt,
    NewFile,
    NewReceipt,
    NewReplyPart,
    Polled,
    Process,
    Reply,
    Stops,
)
from smsfs.store.sql import Connection, Database, Row, plain
from smsfs.store.sql.matching import Remembered, append, by_backend, ids, match, message_of, receipt_row
from smsfs.store.sql.recent import Recent
from smsfs.store.sql.replies import PART_SECONDS, counted, join_ripe, receive_parts, reply_of
from smsfs.store.sql.results import add_report, must_lead

#: A receipt whose id nobody knows by then is of a message whose id was never learnt, or of nobody's. While
#: messages are on their way, it may be of one of these, whose answer is late.
LOST_SECONDS, BUSY_SECONDS = 10.0, 60.0
#: A message may have been sent so long before its receipt came,
VALID_SECONDS = 3 * 86_400.0
#: and its fate be recorded as unknown so long after that, by whoever took over.
RECOVERY_SECONDS = 3600.0
#: A kept receipt is looked at again after half its age, within these.
AGAIN_SECONDS, AGAIN_CEILING = 1.0, 3600.0


class SqlInbound:
    """What has come in, in a database.

    Args:
        database: that.
        recent: tells where the ids belong that this process recorded last.
        prepare: called before messages are looked for whose ids these are not.
        sort: what ``sort`` does, where the engine's indexes do not do it.
    """

    def __init__(
        self,
        database: Database,
        recent: Recent,
        prepare: Callable[[], None] = lambda: None,
        sort: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database, self._recent = database, recent
        self._prepare, self._sort = prepare, sort

    def sort(self) -> bool:
        """Make messages quick to be found."""
        return self._sort()

    def receive(self, receipts: Sequence[NewReceipt], parts: Sequence[NewReplyPart], stops: Stops) -> Arrived:
        """Store what carriers delivered, in one commit."""
        numbered = dict(enumerate(map(_clean, receipts)))
        remembered = self._find(numbered)
        with self._database.write() as connection:
            found = match(connection, numbered, remembered)
            left = {number: receipt for number, receipt in numbered.items() if number not in found}
            written = _by_people(connection, left, 0)
            kept = [receipt for number, receipt in left.items() if number not in written]
            connection.add("receipt_add", map(_kept_row, kept))
            replies, again = receive_parts(connection, [*parts, *written.values()], stops)
            again += [numbered[number] for number, item in found.items() if item is None]
            arrived = Arrived(_matched(found), kept, replies, again)
            _notify(connection, arrived)
        return arrived

    def _find(self, receipts: Mapping[int, NewReceipt]) -> Remembered:
        """Where their ids belong, as far as that is remembered; the others will be looked for."""
        found = {backend: self._recent.of(backend, ids(own)) for backend, own in by_backend(receipts).items()}
        if any(item.readable and item.carrier_id not in found[item.backend] for item in receipts.values()):
            self._prepare()
        return found

    def match(self, now: float, limit: int, stops: Stops) -> Arrived:
        """Look again at what is due."""
        if not self._read("receipt_any_due", now=now) and not self._ripe(now - PART_SECONDS):
            return Arrived()
        self._prepare()
        with self._database.write() as connection:
            due = {row["id"]: _receipt(row) for row in connection.all("receipt_due", now=now, limit=limit)}
            found = match(connection, {n: _counted(item, now) for n, item in due.items()}, {})
            found |= _guess(connection, {n: item for n, item in due.items() if n not in found}, now)
            left = {number: receipt for number, receipt in due.items() if number not in found}
            written = _by_people(connection, left, now)
            connection.bulk("receipt_drop", ({"id": number} for number in (*found, *written)))
            later = ({"id": n, "due": _again(item, now)} for n, item in left.items() if n not in written)
            connection.bulk("receipt_later", later)
            replies, again = receive_parts(connection, written.values(), stops)
            replies += join_ripe(connection, now, limit, stops)
            again += [due[number] for number, item in found.items() if item is None]
            arrived = Arrived(_matched(found), (), replies, again)
            _notify(connection, arrived)
        return arrived

    def _read(self, statement: str, /, **values: Any) -> list[Row]:
        with self._database.reading() as connection:
            return connection.all(statement, **values)

    def _ripe(self, overdue: float) -> list[Row]:
        return self._read("reply_part_ripe", overdue=overdue, limit=1)

    def polled(self, backend: str) -> Polled:
        """How far the messages of a backend were asked about."""
        rows = self._read("poll_of", backend=backend)
        return Polled(**dict(rows[0])) if rows else Polled(backend)

    def note_polled(self, owner: Process, what: str, place: Polled) -> None:
        """Go on from there."""
        with self._database.write() as connection:
            must_lead(connection, owner, what)
            connection.change("poll_note", **asdict(place))

    def first_since(self, at: float) -> int:
        """The number of the first outcome since then."""
        rows = self._read("outcome_first_since", since=at) or self._read("outcome_behind")
        number: int = rows[0]["id"]
        return number

    def awaited(self, backend: str, after: int, until: float, limit: int) -> tuple[int | None, list[str]]:
        """The ids of messages of which nothing final is known."""
        rows = self._read("outcome_awaited", backend=backend, after=after, until=until, limit=limit)
        ids = [row["carrier_id"] for row in rows if row["awaited"]]
        return rows[-1]["id"] if rows else None, ids

    def waiting(self) -> int:
        """How many receipts are kept without a message."""
        count: int = self._read("receipt_waiting")[0]["receipts"]
        return count

    def replies(
        self, account: int | None = None, since: float = 0.0, until: float = math.inf
    ) -> Iterator[Reply]:
        """Replies, oldest first."""
        after, span = 0, {"since": since, "until": until}
        while rows := self._read("reply_all", account=account, after=after, **span):
            yield from map(reply_of, rows)
            after = rows[-1]["id"]

    def unshown(self, dialect: str, after: int, limit: int) -> list[Reply]:
        """Replies that were not shown, by id."""
        return list(map(reply_of, self._read("reply_unshown", dialect=dialect, after=after, limit=limit)))

    def show(
        self, reply: int, account: int, files: Sequence[NewFile], at: float, owner: Process, what: str
    ) -> bool:
        """Show a reply, once."""
        with self._database.write() as connection:
            connection.one("account_lock", account=account)
            must_lead(connection, owner, what)
            if not connection.change("reply_shown", reply=reply, account=account):
                return False
            for file in files:
                add_report(connection, account, file, at)
        return True

    def expire(self, replies_before: Mapping[int, float], kept_before: float, limit: int) -> int:
        """Forget what is too old."""
        with self._database.write() as connection:
            receipts = connection.all("receipt_expire", before=kept_before, limit=limit)
            replies = connection.all("reply_expire_nobodys", before=kept_before, limit=limit)
            own = [
                row
                for account, before in replies_before.items()
                for row in connection.all("reply_expire", account=account, before=before, limit=limit)
            ]
            connection.change("reply_part_expire", before=kept_before)
            connection.bulk("reply_part_forget", ({"reply": row["id"]} for row in [*replies, *own]))
        _tell_forgotten(receipts, replies)
        return len(receipts) + len(replies) + len(own)


def _tell_forgotten(receipts: Collection[Row], replies: Collection[Row]) -> None:
    """The last that is heard of what was for nobody we know."""
    from structlog import get_logger  # noqa: PLC0415 -- commands that list log nothing

    log = get_logger()
    for row in receipts:
        told = {name: row[name] for name in ("backend", "carrier_id", "reason")}
        log.info("receipt_forgotten", **told, came=round(row["at"]))
    for row in replies:
        log.info("reply_forgotten", backend=row["backend"], reply=row["id"], came=round(row["at"]))


def _by_people(
    connection: Connection, receipts: Mapping[int, NewReceipt], now: float
) -> dict[int, NewReplyPart]:
    """What looks like receipts, but is replies: their ids are nobody's, and no answer may tell otherwise."""
    claimed: dict[str, bool] = {}
    found: dict[int, NewReplyPart] = {}
    for number, receipt in receipts.items():
        if receipt.reply is None:
            continue
        backend = receipt.backend
        if backend not in claimed:
            claimed[backend] = connection.one("slice_any_claimed", backend=backend) is not None
        if not claimed[backend] or receipt.at <= now - BUSY_SECONDS:
            found[number] = receipt.reply
    return found


def _guess(
    connection: Connection, receipts: Mapping[int, NewReceipt], now: float
) -> dict[int, MatchedReceipt | None]:
    """Match by recipient: a message of unknown fate learns its id, or that of one part, from its receipt."""
    lost = {
        number: receipt
        for number, receipt in receipts.items()
        if receipt.readable and receipt.recipient is not None and receipt.at <= now - LOST_SECONDS
        if receipt.reply is None
    }
    found: dict[int, MatchedReceipt | None] = {}
    if not lost:
        return found
    connection.one("receipt_guess_lock")
    for backend, all_ in by_backend(lost).items():
        own = _without_late_ones(connection, backend, all_, now)
        firsts = {receipt.recipient: number for number, receipt in reversed(own.items())}
        for recipient, rows in _unsettled(connection, backend, own.values()).items():
            receipt = own[firsts[recipient]]
            fitting = [row for row in rows if _fits(receipt, row["at"])]
            if len({(row["batch"], row["row"]) for row in fitting}) == 1:
                told = _counted(receipt, now)
                part = receipt_row(told, fitting[0], "part", recipient)
                append(connection, [part, receipt_row(told, fitting[0], receipt.event)])
                found[firsts[recipient]] = message_of(receipt, fitting[0])
    return found


def _without_late_ones(
    connection: Connection, backend: str, receipts: dict[int, NewReceipt], now: float
) -> dict[int, NewReceipt]:
    if connection.one("slice_any_claimed", backend=backend) is None:
        return receipts
    return {number: receipt for number, receipt in receipts.items() if receipt.at <= now - BUSY_SECONDS}


def _unsettled(
    connection: Connection, backend: str, receipts: Collection[NewReceipt]
) -> dict[int, list[Row]]:
    """Attempts of unknown fate, some of whose ids are unknown too, by recipient."""
    if not receipts:
        return {}
    recipients = {receipt.recipient for receipt in receipts}
    since = min(receipt.at for receipt in receipts) - VALID_SECONDS
    values = {"backend": backend, "recipients": json.dumps(list(recipients)), "since": since}
    found: dict[int, list[Row]] = defaultdict(list)
    for row in connection.all("outcome_unsettled", **values):
        found[row["recipient"]].append(row)
    return found


def _fits(receipt: NewReceipt, at: float) -> bool:
    return receipt.at - VALID_SECONDS < at <= receipt.at + RECOVERY_SECONDS


def _again(receipt: NewReceipt, now: float) -> float:
    age = now - receipt.at
    wait = min(max(AGAIN_SECONDS, age / 2), AGAIN_CEILING)
    return now + (min(wait, LOST_SECONDS - age) if age < LOST_SECONDS else wait)


def _counted(receipt: NewReceipt, now: float) -> NewReceipt:
    return replace(receipt, at=counted(receipt.at, now))


def _matched(found: Mapping[int, MatchedReceipt | None]) -> list[MatchedReceipt]:
    return [item for item in found.values() if item]


def _kept_row(receipt: NewReceipt) -> tuple[Any, ...]:
    """The values of ``receipt_add``."""
    # without an empty id, so that a host with the version before it can read what this one stored
    whole = (
        asdict(receipt.reply, filter=lambda item, value: item.name != "id" or value)
        if receipt.reply
        else None
    )
    reply = json.dumps(whole) if whole else None
    due = receipt.at + AGAIN_SECONDS if receipt.readable else None
    told = receipt.recipient, receipt.event, receipt.code, receipt.reason, receipt.done
    return (receipt.backend, receipt.carrier_id, *told, receipt.at, due, receipt.other, reply, receipt.price)


def _notify(connection: Connection, arrived: Arrived) -> None:
    if arrived.matched:
        connection.notify("outcomes")
    if arrived.replies:
        connection.notify("results")


def _clean(receipt: NewReceipt) -> NewReceipt:
    told = f"{receipt.carrier_id}{receipt.event}{receipt.code}{receipt.reason}{receipt.other}"
    if plain(told) is told and plain(receipt.backend) is receipt.backend:
        return receipt
    texts: dict[str, Any] = {name: plain(getattr(receipt, name)) for name in _TEXTS}
    return replace(receipt, **texts)


_TEXTS = ("backend", "carrier_id", "event", "code", "reason", "other")


def _receipt(row: Row) -> NewReceipt:
    reply = NewReplyPart(**json.loads(row["reply"])) if row["reply"] else None
    return NewReceipt(
        **{name: row[name] for name in (*_TEXTS, "recipient", "at", "done", "price")}, reply=reply
    )
