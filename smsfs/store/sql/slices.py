"""Slices and outcomes, as several parts of a store write them."""

from collections.abc import Iterable
from typing import Any

from attrs import asdict

from smsfs.states import SLICE_BIRTHS, SliceState, check_outcome
from smsfs.store import Freed, NewSlice, Outcome, Slice
from smsfs.store.sql import Connection, Row, plain


def add_slice(connection: Connection, batch: int, new: NewSlice, event: str) -> int:
    """Add a slice that comes into being by an event; its number."""
    values = asdict(new, filter=lambda attribute, _: attribute.name != "refused")
    messages, numbers = values.pop("messages"), values.pop("numbers")
    values |= {"batch": batch, "state": SLICE_BIRTHS[event].value, "again": int(new.again)}
    row = connection.one("slice_add", **values)
    if row is None:
        raise RuntimeError(f"no row came back for a slice of batch {batch}")
    connection.later("payload_add", slice=row["id"], messages=messages)
    if numbers:
        connection.later("recipients_add", slice=row["id"], numbers=numbers)
    slice_: int = row["id"]
    return slice_


def outcome_row(item: Outcome, batch: int, slice_: int, attempt: int) -> tuple[Any, ...]:
    """The values of ``outcome_add``."""
    event, carrier_id, code, reason = item.event, plain(item.carrier_id), item.code, item.reason
    check_outcome(event)
    if code or reason:  # an accepted message has none
        code, reason = plain(code), plain(reason)
    return (
        *(batch, item.row, slice_, attempt, event, carrier_id, code, reason),
        *(item.parts, item.at, item.recipient, item.done, item.price or None),
    )


def apply_orders(connection: Connection, batch: int, since: int = 0) -> None:
    """Stop slices of a batch that operators' orders may concern, from the one with a number on.

    Right after they were added, or were given back: so none is ever seen to wait that an order concerns.
    """
    if connection.one("order_any", batch=batch):
        connection.change("order_apply", batch=batch, since=since)


def free_keys(connection: Connection, batch: int, freed: Iterable[Freed]) -> None:
    """Free keys of rows that are given up."""
    connection.bulk("claim_free", ({"batch": batch, "row": row, "key": key} for row, key in freed))


def slice_from(row: Row) -> Slice:
    """The record of a row of ``slice`` with its messages."""
    names = ("id", "batch", "account", "path", "submitted", "seq", "first_row", "last_row", "size")
    more = ("backend", "chain", "not_before", "expires", "attempt", "orders")
    messages = row["messages"] or b""  # if the row is gone, reading the messages shows it
    state, again = SliceState(row["state"]), bool(row["again"])
    return Slice(**{name: row[name] for name in names + more}, state=state, messages=messages, again=again)
