"""What each provider calls a webhook with, signed as it signs. Pure; from the providers' documentation."""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, quote_plus, urlencode

import msgspec
from attrs import frozen

from smsfs.simulator.http.taken import Message
from smsfs.sms import segments

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
#: What a receipt says: two ends, and that the message is still on its way.
State = Literal["delivered", "undelivered", "passing"]
STATES: tuple[State, ...] = ("delivered", "undelivered", "passing")
#: The names of the headers that SMSPortal signs with, which it does not publish.
PORTAL_SIGNATURE, PORTAL_TIMESTAMP = "X-Signature", "X-Timestamp"
JWT_HEAD = b'{"alg":"HS256","typ":"JWT"}'
OWN_SIGNATURE, OWN_TIMESTAMP = "X-Signature", "X-Timestamp"


@frozen
class Reply:
    """A message from a person."""

    source: str
    destination: str
    text: str
    id: str


@frozen
class Post:
    """A call of a webhook, before it is signed."""

    url: str
    body: bytes = b""
    kind: str = JSON
    method: Literal["POST", "GET"] = "POST"
    headers: Mapping[str, str] = {}


@frozen
class Kind:
    """How one provider calls.

    Attributes:
        receipt: the calls for a message that came to an end, or is on its way: to the address that the
            message told, or else to the one that the provider knows.
        reply: the call for a reply.
        sign: the call with its signature by a secret, at a time.
        taken: the statuses by which a call is over.
        dropped: those by which it is given up.
        told: whether messages can tell the address for their receipts.
    """

    receipt: Callable[[Message, State, str, float], list[Post]]
    reply: Callable[[Reply, str, float], Post]
    sign: Callable[[Post, str, float], Post]
    taken: range | tuple[int, ...] = range(200, 300)
    dropped: range = range(0)
    told: bool = False


def _json(url: str, value: Any) -> Post:
    return Post(url, msgspec.json.encode(value))


def _word(words: str, state: State) -> str:
    return words.split()[STATES.index(state)]


def _headed(post: Post, **headers: str) -> Post:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Post(post.url, post.body, post.kind, post.method, {**post.headers, **named})


def unsigned(post: Post, _secret: str, _now: float) -> Post:
    """A call of a provider that signs none."""
    return post


def _hmac(secret: str, data: bytes | str, algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret.encode(), data if isinstance(data, bytes) else data.encode(), algorithm)


def _gatewayapi(message: Message, state: State, url: str, now: float) -> list[Post]:
    word = _word("DELIVERED UNDELIVERABLE ENROUTE", state)
    number, hyphen, _ = message.id.partition("-")
    recipient = int(message.destination)
    if hyphen:
        known = {"id": int(number), "msisdn": recipient, "time": int(now), "status": word}
        return [_json(url, {**known, "userref": message.reference, "error": None, "code": None})]
    event = {"msg_id": message.id, "recipient": recipient, "reference": message.reference or None}
    event |= {"status": word, "status_at": "2026-12-01T10:00:00Z", "error": None}
    told = {"event_id": f"{message.id}-{word}", "timestamp": "2026-12-01T10:00:00Z"}
    return [_json(url, {**told, "event_type": "message.status.sms", "event": event})]


def _gatewayapi_reply(reply: Reply, url: str, now: float) -> Post:
    number = int(hashlib.sha256(reply.id.encode()).hexdigest()[:8], 16)
    told = {
        "id": number,
        "msisdn": int(reply.source),
        "receiver": int(reply.destination),
        "senttime": int(now),
    }
    return _json(
        url, {**told, "message": reply.text, "webhook_label": "smsfs", "sender": None, "encoding": "UTF8"}
    )


def _gatewayapi_signed(post: Post, secret: str, _now: float) -> Post:
    """The Mobile Messaging API signs the body, ``mtsms`` sends it once more as a token."""
    if b'"event"' in post.body:
        return _headed(post, Signature=f"v1={_hmac(secret, post.body).hex()}")
    head = f"{_url64(JWT_HEAD)}.{_url64(post.body)}"
    return _headed(post, X_Gwapi_Signature=f"{head}.{_url64(_hmac(secret, head))}")


def _url64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _smsportal(message: Message, state: State, url: str, now: float) -> list[Post]:
    word = _word("DELIVRD UNDELIV SUBMITD", state)
    event = int(message.id.partition("-")[0])
    told = {"eventId": event, "phoneNumber": message.destination, "customerId": message.reference}
    return [_json(url, {**told, "status": word, "received": int(now)})]


def _smsportal_reply(reply: Reply, url: str, _now: float) -> Post:
    number = int(hashlib.sha256(reply.id.encode()).hexdigest()[:8], 16)
    told = {"incomingId": number, "sourcePhoneNumber": reply.source, "incomingData": reply.text}
    return _json(url, {**told, "destinationPhoneNumber": reply.destination})


def _smsportal_signed(post: Post, secret: str, now: float) -> Post:
    text = f"v1:{now:.0f}|{post.method}|{post.url}|".encode() + post.body
    return _headed(post, **{PORTAL_SIGNATURE: _hmac(secret, text).hex(), PORTAL_TIMESTAMP: f"{now:.0f}"})


def _twilio(message: Message, state: State, url: str, _now: float) -> list[Post]:
    word = _word("delivered undelivered sent", state)
    told = {"MessageSid": message.id, "SmsSid": message.id, "MessageStatus": word, "SmsStatus": word}
    code = {"ErrorCode": "30003"} if state == "undelivered" else {}
    place = {"To": f"+{message.destination}", "From": message.source, "AccountSid": "AC" + "0" * 32}
    form = urlencode({**told, **place, **code, "ApiVersion": "2010-04-01"}).encode()
    return [Post(message.callback or url, form, FORM)]


def _twilio_reply(reply: Reply, url: str, _now: float) -> Post:
    told = {"MessageSid": reply.id, "SmsSid": reply.id, "SmsMessageSid": reply.id, "SmsStatus": "received"}
    place = {"From": f"+{reply.source}", "To": f"+{reply.destination}", "Body": reply.text, "NumMedia": "0"}
    return Post(url, urlencode({**told, **place, "AccountSid": "AC" + "0" * 32}).encode(), FORM)


def _twilio_signed(post: Post, secret: str, _now: float) -> Post:
    text = post.url + "".join(key + value for key, value in sorted(_form(post).items()))
    return _headed(post, X_Twilio_Signature=b64encode(_hmac(secret, text, "sha1")).decode())


def _form(post: Post) -> dict[str, str]:
    return dict(parse_qsl(post.body.decode(), keep_blank_values=True))


def _kannel(message: Message, state: State, _url: str, _now: float) -> list[Post]:
    kind = _word("1 2 8", state)
    said = {"1": "id:1 stat:DELIVRD err:000", "2": "id:1 stat:UNDELIV err:001", "8": "ACK/"}[kind]
    filled = {"%d": kind, "%A": quote_plus(said), "%p": message.destination, "%P": quote_plus(message.source)}
    url = message.callback
    for place, value in filled.items():
        url = url.replace(place, value)
    return [Post(url, method="GET")] if url else []


def _kannel_reply(reply: Reply, url: str, now: float) -> Post:
    headers = {"X-Kannel-From": f"+{reply.source}", "X-Kannel-To": reply.destination}
    headers |= {"X-Kannel-Time": f"2026-12-01 10:00:{now % 60:02.0f}", "X-Kannel-SMSC": "any"}
    return Post(url, reply.text.encode(), 'text/plain; charset="UTF-8"', headers=headers)


def _vonage(message: Message, state: State, url: str, _now: float) -> list[Post]:
    """A receipt for each part."""
    word = _word("delivered failed buffered", state)
    ids = [message.id, *(f"{message.id}-{place}" for place in range(1, segments.count(message.text)[1]))]
    told = {"msisdn": message.destination, "to": message.source, "network-code": "23801", "price": "0.0333"}
    told |= {"status": word, "scts": "2612011000", "err-code": "0" if state != "undelivered" else "1"}
    shared = {**told, "api-key": "abcd1234", "message-timestamp": "2026-12-01 10:00:00"}
    return [_json(url, {**shared, "messageId": known, "client-ref": message.reference}) for known in ids]


def _vonage_reply(reply: Reply, url: str, _now: float) -> Post:
    told = {"msisdn": reply.source, "to": reply.destination, "messageId": reply.id, "text": reply.text}
    return _json(url, {**told, "type": "text", "keyword": reply.text.upper().partition(" ")[0]})


def _vonage_signed(post: Post, secret: str, now: float) -> Post:
    fields = msgspec.json.decode(post.body, type=dict[str, str])
    fields |= {"timestamp": f"{now:.0f}", "nonce": "n-1"}
    bare = str.maketrans("&=", "__")
    text = "".join(f"&{key}={value.translate(bare)}" for key, value in sorted(fields.items()))
    signature = hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()
    return _json(post.url, {**fields, "sig": signature})


def _infobip(message: Message, state: State, url: str, _now: float) -> list[Post]:
    word = _word("DELIVERED UNDELIVERABLE PENDING", state)
    status = {"groupId": 3, "groupName": word, "id": 5, "name": f"{word}_X", "description": word.lower()}
    error = {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "permanent": False}
    told = {"bulkId": "bulk-1", "messageId": message.id, "to": message.destination, "sender": message.source}
    told |= {"sentAt": "2026-12-01T10:00:00.000+0000", "doneAt": "2026-12-01T10:00:01.000+0000"}
    result = {**told, "messageCount": 1, "callbackData": message.reference, "status": status, "error": error}
    return [_json(message.callback or url, {"results": [result]})]


def _infobip_reply(reply: Reply, url: str, _now: float) -> Post:
    told = {"messageId": reply.id, "from": reply.source, "to": reply.destination, "text": reply.text}
    result = {**told, "cleanText": reply.text, "keyword": "", "receivedAt": "2026-12-01T10:00:00.000+0000"}
    return _json(url, {"results": [{**result, "smsCount": 1}], "messageCount": 1, "pendingMessageCount": 0})


def _naxai(message: Message, state: State, url: str, now: float) -> list[Post]:
    data = {
        "messageId": message.id,
        "to": message.destination,
        "from": message.source,
        "direction": "outgoing",
    }
    name = _word("sms.delivered sms.failed sms.sent", state)
    return [_naxai_event(name, {**data, "reference": message.reference, "statusCode": 0}, url, now)]


def _naxai_reply(reply: Reply, url: str, now: float) -> Post:
    data = {"messageId": reply.id, "to": reply.destination, "from": reply.source, "body": reply.text}
    return _naxai_event("sms.received", {**data, "direction": "incoming"}, url, now)


def _naxai_event(name: str, data: Mapping[str, Any], url: str, now: float) -> Post:
    told = {"eventName": name, "eventWebhookId": "w-1", "eventTimestamp": int(now), "eventData": data}
    return _json(url, {**told, "eventId": f"{name}-{data['messageId']}"})


def _naxai_signed(post: Post, secret: str, _now: float) -> Post:
    login = f"Basic {b64encode(secret.encode()).decode()}" if ":" in secret else secret
    return _headed(post, Authorization=login)


def _bulksms(message: Message, state: State, url: str, _now: float) -> list[Post]:
    word = _word("DELIVERED FAILED SENT", state)
    status = {"id": f"{word}.null", "type": word, "subtype": None}
    told = {"id": message.id, "type": "SENT", "from": message.source, "to": message.destination}
    return [
        _json(url, [{**told, "body": message.text, "status": status, "userSuppliedId": message.reference}])
    ]


def _bulksms_reply(reply: Reply, url: str, _now: float) -> Post:
    told = {"id": reply.id, "type": "RECEIVED", "from": reply.source, "to": reply.destination}
    return _json(url, [{**told, "body": reply.text, "relatedSentMessageId": None, "encoding": "TEXT"}])


def _own(message: Message, state: State, url: str, _now: float) -> list[Post]:
    word = _word("delivered failed sent", state)
    return [_json(message.callback or url, {"id": message.id, "to": message.destination, "status": word})]


def _own_reply(reply: Reply, url: str, _now: float) -> Post:
    told = {"id": reply.id, "from": reply.source, "to": reply.destination, "text": reply.text}
    return _json(url, told)


def _own_signed(post: Post, secret: str, now: float) -> Post:
    signature = _hmac(secret, f"{now:.0f}.".encode() + post.body).hex()
    return _headed(post, **{OWN_SIGNATURE: signature, OWN_TIMESTAMP: f"{now:.0f}"})


#: By the type of the backend.
KINDS: dict[str, Kind] = {
    "gatewayapi": Kind(_gatewayapi, _gatewayapi_reply, _gatewayapi_signed),
    "smsportal": Kind(_smsportal, _smsportal_reply, _smsportal_signed),
    "twilio": Kind(_twilio, _twilio_reply, _twilio_signed, told=True),
    "kannel": Kind(_kannel, _kannel_reply, unsigned, taken=(200, 202), told=True),
    "vonage": Kind(_vonage, _vonage_reply, _vonage_signed),
    "infobip": Kind(_infobip, _infobip_reply, unsigned, told=True),
    "naxai": Kind(_naxai, _naxai_reply, _naxai_signed),
    "bulksms": Kind(_bulksms, _bulksms_reply, unsigned, dropped=range(400, 500)),
    "http": Kind(_own, _own_reply, _own_signed, told=True),
}
