"""What the providers answer when they are asked what became of a message: that it arrived. Pure."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from smsfs.simulator.http.taken import Asked, Message, Taken

#: Path of the request, with the message's id -> the provider.
PATHS = {
    r"/rest/mtsms/([0-9]+)": "gatewayapi",
    r"/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages/([\w-]+)\.json": "twilio",
    r"/v1/messages/([^?/]+)": "bulksms",
    r"/sms/3/logs\?messageId=([^&]+)": "infobip",
}


def state_told(asked: Asked, messages: Sequence[Message]) -> Taken | None:
    """The answer to a request that asks what became of a message; None for any other request."""
    for path, provider in PATHS.items():
        found = re.fullmatch(path, asked.path)
        if found and asked.method == "GET":
            if not asked.headers.get("authorization"):
                return Taken(401, b"{}")
            return _answer(provider, unquote(found[1]), messages)
    return None


def _answer(provider: str, number: str, messages: Sequence[Message]) -> Taken:
    of_id = [item for item in messages if number in (item.id, item.id.partition("-")[0])]
    if provider == "infobip":
        return Taken(200, msgspec.json.encode({"results": [_log(item) for item in of_id]}))
    if not of_id:
        return Taken(404, b"{}")
    shown: Any = _object(number, of_id) if provider == "gatewayapi" else _SHOWN[provider](of_id[0])
    return Taken(200, msgspec.json.encode(shown))


def _object(number: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    recipients = [
        {"msisdn": int(item.destination), "dsnstatus": "DELIVERED", "dsntime": 1796038556.0, "dsnerror": None}
        for item in messages
    ]
    return [{"id": int(number), "recipients": recipients}]


def _resource(message: Message) -> dict[str, Any]:
    return {
        "sid": message.id,
        "to": f"+{message.destination}",
        "status": "delivered",
        "error_code": None,
        "price": "-0.00750",
        "price_unit": "USD",
    }


def _shown(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "type": "SENT",
        "to": message.destination,
        "status": {"id": "DELIVERED.null", "type": "DELIVERED", "subtype": None},
        "creditCost": 1.5,
    }


def _log(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "destination": message.destination,
        "messageCount": 1,
        "price": {"pricePerMessage": 0.01, "currency": "EUR"},
        "status": {"groupId": 3, "groupName": "DELIVERED"},
        "error": {"id": 0},
    }


_SHOWN = {"twilio": _resource, "bulksms": _shown}
