"""The messages of a slice, as they are stored."""

import struct
from collections.abc import Iterable, Sequence

import msgspec

from smsfs.sms.message import Message
from smsfs.store import NewSlice, Slice

#: More digits than any phone number has; a row of them fits every engine's integers.
_MOST_DIGITS = 18
_MOST_PARTS = 1_000_000
_FOUR_BYTES = 0xFFFFFFFF

_decoder = msgspec.msgpack.Decoder(list[Message])


class DamagedSlice(Exception):
    """The messages of a slice cannot be read; the text is a clause that says why."""


def messages_of(slice_: Slice) -> list[Message]:
    """The messages of a slice, in the order of their rows.

    Raises:
        DamagedSlice: what is stored are not its messages.
    """
    try:
        messages = _decoder.decode(slice_.messages)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as exc:
        raise DamagedSlice(f"they cannot be decoded ({exc})") from exc
    if fault := _fault(slice_, messages):
        raise DamagedSlice(fault)
    return messages


def encoded(messages: Sequence[Message]) -> bytes:
    """Messages as a slice holds them."""
    return msgspec.msgpack.encode(messages)


def numbers(recipients: Sequence[str]) -> bytes:
    """What finds a slice by a recipient's number: four bytes of each, in the order of the messages."""
    return struct.pack(f"<{len(recipients)}I", *[int(number) & _FOUR_BYTES for number in recipients])


def later(slice_: Slice, messages: Iterable[Message], not_before: float, chain: str = "") -> NewSlice:
    """A slice with some messages of another, to be tried again: by its backend, or any of a chain."""
    ordered = sorted(messages, key=lambda message: message.row)
    return NewSlice(
        seq=slice_.seq,
        first_row=ordered[0].row,
        last_row=ordered[-1].row,
        size=len(ordered),
        messages=encoded(ordered),
        backend=slice_.backend,
        not_before=not_before,
        expires=slice_.expires,
        attempt=slice_.attempt,
        again=True,
        chain=chain,
        orders=slice_.orders,
    )


def span(messages: bytes) -> tuple[int, int, int] | None:
    """How many messages these are, with their first and last rows; None when they cannot be decoded."""
    try:
        rows = [message.row for message in _decoder.decode(messages)]
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    return (len(rows), rows[0], rows[-1]) if rows else None


def _fault(slice_: Slice, messages: list[Message]) -> str:
    """Why these are not the messages of the slice; empty when they are."""
    rows = [message.row for message in messages]
    if len(rows) != slice_.size or not rows:
        return f"there are {len(rows)}"
    if rows != sorted(set(rows)) or (rows[0], rows[-1]) != (slice_.first_row, slice_.last_row):
        return f"they are of other rows, {rows[0]} to {rows[-1]}"
    if _can_all_be_sent(messages):
        return ""
    odd = next((message.row for message in messages if not _can_be_sent(message)), None)
    return "" if odd is None else f"row {odd} has no phone number or no number of parts"


def _can_all_be_sent(messages: list[Message]) -> bool:
    """Surely, found in a fifth of the time of looking at each."""
    numbers, parts = [message.recipient for message in messages], [message.parts for message in messages]
    lengths = [len(number) for number in numbers]
    digits = "".join(numbers)
    whole = min(lengths) > 0 and max(lengths) <= _MOST_DIGITS and digits.isascii() and digits.isdigit()
    return whole and min(parts) > 0 and max(parts) < _MOST_PARTS


def _can_be_sent(message: Message) -> bool:
    number = message.recipient
    digits = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
    return digits and 0 < message.parts < _MOST_PARTS
