"""GatewayAPI, by its newer Mobile Messaging API: https://gatewayapi.com/docs/apis/mobile/.

A request has a list of messages, and the answer an id for each. It is taken as a whole or refused as a whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

import msgspec

from smsfs.backends import Accepted, Answer, Envelope, Unknown
from smsfs.backends.http.contract import OK, REDIRECT, Request, Response, Verdict, by_status, decoded
from smsfs.sms import segments

SINGLE, MULTI = "/mobile/single", "/mobile/multi"
URL = "https://messaging.gatewayapi.com"
MOST = 1000
#: In minutes.
LONGEST_VALIDITY = 5 * 24 * 60


class _Taken(msgspec.Struct):
    msg_id: str
    recipient: int | str
    reference: str | None = None


class _Answers(msgspec.Struct):
    responses: list[_Taken]


class _Detail(msgspec.Struct):
    loc: list[str | int] = []
    msg: str = ""


class _Error(msgspec.Struct):
    description: str = ""
    detail: list[_Detail] | str = ""


class GatewayApiMobile:
    """Messages to the Mobile Messaging API, and its answers.

    Args:
        token: of the account.
        sender: for messages that name none.
    """

    most = MOST
    idempotent = False
    traceable = True
    bundle = 0
    login = None
    balance = None
    query = None

    def __init__(self, token: str, sender: str) -> None:
        self.secrets: tuple[str, ...] = (token,)
        self._sender = sender
        self._headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request, and more where a number has several messages: the answer names the number."""
        return [self._request(group) for group in _numbers_once(envelopes)]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """All of a request is taken, or nothing of it."""
        if not OK <= response.status < REDIRECT:
            return by_status(response, _said(response))
        several = decoded(response, _Answers)
        one = None if several else decoded(response, _Taken)
        found = several.responses if several else [one] if one else []
        if not found:
            return by_status(response)
        by_key = {item.reference: item.msg_id for item in found if item.reference}
        by_number = {str(item.recipient).removeprefix("+"): item.msg_id for item in found}
        return [
            _answer(item, by_key.get(item.key) or by_number.get(item.message.recipient))
            for item in request.envelopes
        ]

    def _request(self, group: Sequence[Envelope]) -> Request:
        messages = [self._message(item) for item in group]
        body: Any = messages[0] if len(messages) == 1 else {"messages": messages}
        path = SINGLE if len(messages) == 1 else MULTI
        return Request(tuple((item,) for item in group), path, msgspec.json.encode(body), self._headers)

    def _message(self, envelope: Envelope) -> dict[str, Any]:
        message = envelope.message
        made = {
            "sender": (message.sender or self._sender).removeprefix("+"),
            "recipient": int(message.recipient),
            "message": message.text,
            "reference": envelope.key,
        }
        if envelope.left != inf:
            made["expiration"] = f"PT{min(max(1, int(envelope.left // 60)), LONGEST_VALIDITY)}M"
        return made


def _numbers_once(envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
    """Lists of messages, each with messages to different numbers."""
    seen: dict[str, int] = defaultdict(int)
    lists: dict[int, list[Envelope]] = defaultdict(list)
    for envelope in envelopes:
        lists[seen[envelope.message.recipient]].append(envelope)
        seen[envelope.message.recipient] += 1
    yield from lists.values()


def _answer(envelope: Envelope, found: str | None) -> Answer:
    if found:
        return Accepted(found, segments.count(envelope.message.text)[1])
    return Unknown("the carrier's answer does not name the message", requests=1)


def _said(response: Response) -> str:
    """What a refusal says, for people."""
    found = decoded(response, _Error)
    if found is None:
        return ""
    if isinstance(found.detail, str):
        return found.description or found.detail
    details = [f"{'.'.join(map(str, item.loc))}: {item.msg}" for item in found.detail]
    return "; ".join(text for text in (found.description, *details) if text)
