"""Infobip's webhooks: delivery reports and replies. None is signed."""

from typing import Any

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import LONGEST_ID, LONGEST_WORD, Call, Hook, items, name, number, word
from smsfs.backends.http.prices import multiplied

#: Group of states -> what became of the message; every other one says that it is still on its way.
EVENTS = {
    "DELIVERED": "delivered",
    "EXPIRED": "receipt_expired",
    **dict.fromkeys(("UNDELIVERABLE", "REJECTED"), "undelivered"),
}


class _State(msgspec.Struct, rename="camel"):
    group_name: str


class _Report(msgspec.Struct, rename="camel"):
    message_id: str
    status: _State
    to: str = ""
    destination: str = ""
    error: Any = None
    price: Any = None
    message_count: Any = 1


class _Reply(msgspec.Struct, rename="camel"):
    message_id: str
    text: str
    from_: str = msgspec.field(name="from")
    to: str = ""


class InfobipHook(Hook):
    """What Infobip posts."""

    advice = (
        "Enter the address at Infobip, as the one that a number forwards messages to by HTTP, in JSON. "
        "Delivery reports need no entry: each message asks for them."
    )

    def genuine(self, call: Call, secret: str) -> bool:
        """Never: no call is signed, and the configuration has no secret."""
        del call, secret
        return False

    def delivered(self, call: Call) -> list[Delivered]:
        """Delivery reports and replies."""
        return items(call.body, _read, "results")


def _read(item: dict[str, Any]) -> Delivered:
    if "text" in item:
        reply = msgspec.convert(item, _Reply)
        receiver = reply.to.removeprefix("+")[:LONGEST_ID]
        return ReplyPart(number(reply.from_), receiver, reply.text, id=name(reply.message_id))
    report = msgspec.convert(item, _Report)
    state = word(report.status.group_name)
    code = report.error.get("id") if isinstance(report.error, dict) else None
    shown = str(code or "")[:LONGEST_WORD]
    told = report.price if isinstance(report.price, dict) else {}
    cost = multiplied(told.get("pricePerMessage"), report.message_count, told.get("currency"))
    event = EVENTS.get(state, "passing")
    return Receipt(
        name(report.message_id), number(report.to or report.destination), event, shown, state, price=cost
    )
