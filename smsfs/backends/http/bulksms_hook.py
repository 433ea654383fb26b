"""BulkSMS's webhooks: statuses of sent messages, and received ones. None is signed."""

from typing import Any

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import LONGEST_ID, LONGEST_WORD, Call, Hook, items, name, number, word
from smsfs.backends.http.prices import price

#: State -> what became of the message; every other word says that it is still on its way.
EVENTS = {"DELIVERED": "delivered", "FAILED": "undelivered"}
#: The reason for a failure that says that time was up.
EXPIRED = "EXPIRED"


class _State(msgspec.Struct):
    type: str
    subtype: str | None = None


class _Sent(msgspec.Struct):
    id: str
    to: str
    status: _State
    credit_cost: Any = msgspec.field(name="creditCost", default=None)


class _Received(msgspec.Struct):
    id: str
    body: str
    from_: str = msgspec.field(name="from")
    to: str = ""


class BulkSmsHook(Hook):
    """What BulkSMS posts.

    Args:
        currency: of prices; empty for credits, as BulkSMS has them.
    """

    advice = "Enter the address at BulkSMS as two webhooks, one for sent messages and one for received ones."

    def __init__(self, currency: str = "") -> None:
        self._currency = currency

    def genuine(self, call: Call, secret: str) -> bool:
        """Never: no call is signed, and the configuration has no secret."""
        del call, secret
        return False

    def delivered(self, call: Call) -> list[Delivered]:
        """Statuses and received messages; none in the call that BulkSMS tries the address with."""
        return items(call.body, lambda item: _read(item, self._currency))


def _read(item: dict[str, Any], currency: str) -> Delivered:
    if item.get("type") == "RECEIVED":
        reply = msgspec.convert(item, _Received)
        receiver = reply.to.removeprefix("+")[:LONGEST_ID]
        return ReplyPart(number(reply.from_), receiver, reply.body, id=name(reply.id))
    sent = msgspec.convert(item, _Sent)
    state, code = word(sent.status.type), (sent.status.subtype or "")[:LONGEST_WORD]
    event = "receipt_expired" if (state, code) == ("FAILED", EXPIRED) else EVENTS.get(state, "passing")
    cost = price(sent.credit_cost, currency)
    return Receipt(name(sent.id), number(sent.to), event, code, state, price=cost)
