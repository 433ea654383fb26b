"""Naxai's webhooks: events about messages, with a secret in a header.

What an event says of its message is not published; it is read as Naxai's activity log has it.
"""

from base64 import b64encode
from typing import Any

import msgspec

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import LONGEST_ID, LONGEST_WORD, Call, Hook, items, name, number, same, word

#: Event -> what became of the message; every other one says that it is still on its way.
EVENTS = {"SMS.DELIVERED": "delivered", "SMS.FAILED": "undelivered"}


class _Message(msgspec.Struct, rename="camel"):
    message_id: str
    to: int | str
    from_: int | str = msgspec.field(name="from", default="")
    body: str = ""
    direction: str = ""
    status_code: int | str | None = None


class _Event(msgspec.Struct, rename="camel"):
    event_name: str
    event_data: _Message


class NaxaiHook(Hook):
    """What Naxai posts.

    Args:
        header: which carries the secret.
    """

    advice = (
        "Enter the address at Naxai as a webhook for the events of SMS. hook_secret is the name and password "
        "with a colon between them where authentication is basic, or else the value of hook_header."
    )

    def __init__(self, header: str) -> None:
        self._header = header.lower()

    def genuine(self, call: Call, secret: str) -> bool:
        """By the secret itself, or by a login that it is."""
        given = call.headers.get(self._header, "").strip()
        return same(given, secret) | same(given, f"Basic {b64encode(secret.encode()).decode()}")

    def delivered(self, call: Call) -> list[Delivered]:
        """Events, one or several."""
        return items(call.body, _read)


def _read(item: dict[str, Any]) -> Delivered:
    event = msgspec.convert(item, _Event)
    message, carrier_id = event.event_data, name(event.event_data.message_id)
    if message.direction == "incoming":
        receiver = str(message.to).removeprefix("+")[:LONGEST_ID]
        return ReplyPart(number(message.from_), receiver, message.body, id=carrier_id)
    kind, _, state = event.event_name.upper().partition(".")
    found = EVENTS.get(f"{kind}.{word(state)}", "passing")
    code = str(message.status_code or "")[:LONGEST_WORD]
    return Receipt(carrier_id, number(message.to), found, code, word(state))
