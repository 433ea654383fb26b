"""Replies: parts put together, matched to the last message that went to their sender."""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from attrs import asdict

from smsfs.store import NewReceipt, NewReplyPart, Reply, Stops
from smsfs.store.sql import Connection, Row, plain
from smsfs.store.sql.accounts import account_of
from smsfs.store.sql.optouts import add

#: What has come of a long reply by then is all of it; for as long, a part that comes again is known.
PART_SECONDS = 86_400.0
#: What is known later than this counts as come only then: the report of the day that it came on may be made.
LATE_SECONDS = 3600.0
#: The same short text from the same number within this time was delivered again; a person takes longer.
AGAIN_SECONDS = 60.0
#: More digits are no number that anything was sent to, and do not fit into the column.
MAX_DIGITS = 15

#: Byte order marks, as they look in UTF-16-BE.
_MARKS = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le"}

_KEY = ("backend", "sender", "recipient", "reference", "total")


def counted(at: float, now: float) -> float:
    """When something that came at a time, and that sense can be made of now, counts as come."""
    return now if now - at > LATE_SECONDS else at


def receive_parts(
    connection: Connection, parts: Iterable[NewReplyPart], stops: Stops
) -> tuple[list[Reply], list[NewReceipt | NewReplyPart]]:
    """Store parts of replies, and put together those that are whole now; within a transaction.

    Returns:
        The replies, and the parts that had come before.
    """
    rows = sorted(
        ((_part_row(part), part) for part in parts), key=lambda item: _key(item[0])
    )  # in one order everywhere, or two hosts wait for each other
    replies: list[Reply] = []
    again: list[NewReceipt | NewReplyPart] = []
    for row, part in rows:
        found = _receive_part(connection, row, stops)
        again += [part] if found is None else []
        replies += found or []
    return replies, again


def _receive_part(connection: Connection, row: dict[str, Any], stops: Stops) -> list[Reply] | None:
    """The replies that are whole with it; None if it came before."""
    key = {name: row[name] for name in _KEY}
    span = AGAIN_SECONDS if row["total"] == 1 and not row["reference"] else PART_SECONDS
    same = {"part": row["part"], "text": row["text"], "since": row["at"] - span}
    if connection.one("reply_part_again", **key, **same):
        return None
    replies = []
    parts = connection.all("reply_part_of", **key)
    if any(part["part"] == row["part"] for part in parts):  # its number is in use again: the rest never came
        replies.append(_join(connection, parts, stops, row["at"]))
        parts = []
    connection.bulk("reply_part_add", [row])
    if len({part["part"] for part in parts} | {row["part"]}) >= row["total"]:
        replies.append(_join(connection, connection.all("reply_part_of", **key), stops, row["at"]))
    return replies


def join_ripe(connection: Connection, now: float, limit: int, stops: Stops) -> list[Reply]:
    """Put replies together that are whole, or for which nothing came for long; within a transaction.

    Parts that came by two hosts at once are whole without either of them seeing it.
    """
    replies = []
    for ripe in connection.all("reply_part_ripe", overdue=now - PART_SECONDS, limit=limit):
        parts = connection.all("reply_part_of", **{name: ripe[name] for name in _KEY})
        if parts:
            replies.append(_join(connection, parts, stops, now))
    return replies


def _join(connection: Connection, parts: Sequence[Row], stops: Stops, now: float) -> Reply:
    texts = {part["part"]: bytes(part["text"]) for part in parts}
    text = _in_order([texts[number] for number in sorted(texts)])
    first, text = parts[0], plain(text)
    answered = _last_message(connection, first["sender"], first["backend"])
    values = {name: first[name] for name in ("backend", "sender", "recipient")}
    values |= {
        "text": text,
        "whole": int(len(texts) == first["total"]),
        "at": counted(max(part["at"] for part in parts), now),
    }
    values |= {name: answered[name] if answered else None for name in ("account", "batch", "row")}
    row = connection.one("reply_add", **values)
    if row is None:
        raise RuntimeError("no row came back for a reply")
    connection.bulk("reply_part_joined", [{"id": part["id"], "reply": row["id"]} for part in parts])
    stopped = bool(answered) and _opt_out(connection, values, stops)
    return reply_of(connection.one("reply_full", reply=row["id"]), stopped=stopped)


def _in_order(parts: Sequence[bytes]) -> str:
    """The text of parts in UTF-16, big endian unless a byte order mark in one says otherwise for the rest."""
    codec, text = "utf-16-be", b""
    for part in parts:
        codec = _MARKS.get(part[:2], codec)
        kept = part[2:] if part[:2] in _MARKS else part
        text += kept if codec == "utf-16-be" else _swapped(kept)
    return text.decode("utf-16-be", "replace")


def _swapped(data: bytes) -> bytes:
    swapped = bytearray(data)
    swapped[::2], swapped[1::2] = data[1::2], data[::2]
    return bytes(swapped)


def _last_message(connection: Connection, sender: str, backend: str) -> Row | None:
    """The last message to a number by the backend that the reply came by; else by any."""
    if not (sender.isascii() and sender.isdigit() and len(sender) <= MAX_DIGITS):
        return None
    own = connection.one("outcome_sent_to", msisdn=int(sender), backend=backend)
    return own or connection.one("outcome_sent_to", msisdn=int(sender), backend=None)


def _opt_out(connection: Connection, reply: dict[str, Any], stops: Stops) -> bool:
    account = account_of(connection.one("account_get", account=reply["account"]))
    principal = account_of(connection.one("account_get", account=account.principal))
    if not any(stops(each, reply["text"]) for each in (account, principal)):
        return False
    add(connection, principal.id, [reply["sender"]], "reply", reply["at"])
    return True


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _part_row(part: NewReplyPart) -> dict[str, Any]:
    values = asdict(part) | {"text": part.text.encode("utf-16-be", "surrogatepass")}
    values |= {name: plain(values[name]) for name in ("backend", "sender", "recipient")}
    name = values.pop("id")
    # of a whole reply the place of the reference is free: its id goes there, in short
    single = {"reference": crc32(name.encode("utf-8", "surrogatepass")) if name else 0, "part": 1, "total": 1}
    return values if part.total > 1 and 1 <= part.part <= part.total else values | single


def reply_of(row: Row, *, stopped: bool = False) -> Reply:
    """A reply from its row."""
    names = ("id", "backend", "sender", "recipient", "text", "at", "batch", "path", "row")
    own = {name: row[name] for name in names}
    return Reply(**own, whole=bool(row["whole"]), account=row["account_name"], stopped=stopped)
