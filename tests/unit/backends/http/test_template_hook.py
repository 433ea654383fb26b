"""The webhook of a provider of one's own: who called, and what it says, by the rules of the section."""

import json
import tomllib
from base64 import b64encode
from hashlib import sha256
from hmac import digest
from pathlib import Path
from urllib.parse import urlencode

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.hooks import Call, UnreadableCallError
from smsfs.backends.http.template import Template
from smsfs.backends.http.template_hook import TemplateHook
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.config import checked
from smsfs.secret import Secret
from tests.support.backend_suite import envelope

PACKAGING = Path(__file__).parents[4] / "packaging"
PRESETS = {path.stem: path for path in [*(PACKAGING / "http").glob("*.toml"), PACKAGING / "smsfs-http.toml"]}
URL, FORM = "https://smsfs.example/hooks/gw/t", "application/x-www-form-urlencoded"
BASE = {
    "url": "https://gw.example.com",
    "json": '{"to": "{to}", "text": "{text}"}',
    "hook_token": Secret("t" * 16),
}
RECEIPTS = {"hook_id": "id", "hook_to": "to", "hook_state": "status", "hook_delivered": ["delivered"]}
REPLIES = {"hook_reply_from": "from", "hook_reply_text": "text", "hook_reply_to": "to", "hook_reply_id": "id"}

SIGNED = {"hook_auth": "hmac", "hook_secret": Secret("x"), "hook_header": "X"}


def config(**keys):
    """A section with a webhook and these keys."""
    return TemplateConfig("http", **{**BASE, **RECEIPTS, **keys})


def hook(**keys):
    """The webhook of such a section."""
    return TemplateHook(config(**keys))


def preset(name):
    """The webhook of an example."""
    values = tomllib.loads(PRESETS[name].read_text(encoding="utf-8"))
    [(backend, section)] = values["backends"].items()
    section.update({key: "x" * 16 for key in ("secret", "hook_token", "hook_secret") if key in section})
    values["store"] = {"url": "sqlite:////tmp/smsfs.db"}
    return TemplateHook(checked(values, name).backends[backend])


def call(body=b"", url=URL, method="POST", **headers):
    """A call; a dictionary is JSON, and underscores of headers stand for hyphens."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call(url, {name.replace("_", "-"): value for name, value in headers.items()}, data, method)


def form(**values):
    """A call with a form."""
    return call(urlencode(values).encode(), content_type=FORM)


TELNYX = {
    "id": "m-1",
    "from": {"phone_number": "+15005550006"},
    "to": [{"phone_number": "+4520000001", "status": "delivery_failed"}],
    "text": "Hi",
    "errors": [{"code": "40001", "title": "x"}],
}
ANSWER = {**TELNYX, "from": TELNYX["to"][0]}
CLICKED = {"message_id": "C2", "body": "STOP", "original_body": "Hi", "from": "+4520000001", "to": "+61411"}
ELKS = {"id": "s1", "from": "+4520000001", "to": "+46766861004", "message": "Ja", "direction": "incoming"}
CLICKS = {"message_id": "C1", "timestamp": "1796038556", "status_code": "201", "status_text": "Delivered"}


@pytest.mark.parametrize(
    ("name", "made", "expected"),
    [
        (
            "telnyx",
            call({"data": {"event_type": "message.finalized", "id": "e1", "payload": TELNYX}}),
            Receipt("m-1", "4520000001", "undelivered", "40001", "DELIVERY_FAILED"),
        ),
        (
            "telnyx",
            call({"data": {"event_type": "message.received", "payload": ANSWER}}),
            ReplyPart("4520000001", "4520000001", "Hi", id="m-1"),
        ),
        (
            "plivo",
            form(MessageUUID="u-1", From="15005550006", To="4520000001", Status="delivered", ErrorCode=""),
            Receipt("u-1", "4520000001", "delivered", "", "DELIVERED"),
        ),
        (
            "plivo",
            form(MessageUUID="u-2", From="4520000001", To="15005550006", Text="A&b=c ☂", Type="sms"),
            ReplyPart("4520000001", "15005550006", "A&b=c ☂", id="u-2"),
        ),
        ("46elks", form(id="s1", status="failed"), Receipt("s1", "", "undelivered", "", "FAILED")),
        ("46elks", form(id="s1", status="sent"), Receipt("s1", "", "passing", "", "SENT")),
        ("46elks", form(**ELKS), ReplyPart("4520000001", "46766861004", "Ja", id="s1")),
        ("clicksend", form(**CLICKS), Receipt("C1", "", "delivered", "", "201")),
        (
            "clicksend",
            call({**CLICKS, "status_code": 301, "error_code": "302"}),
            Receipt("C1", "", "undelivered", "302", "301", other=""),
        ),
        (
            "clicksend",
            form(**CLICKED),
            ReplyPart("4520000001", "61411", "STOP", id="C2"),
        ),
        (
            "smsfs-http",
            call({"id": "9", "to": "4520000001", "status": "failed"}),
            Receipt("9", "4520000001", "undelivered", "", "FAILED"),
        ),
    ],
)
def test_examples_read_what_their_providers_post(name, made, expected):
    """Who copies an example would never learn what became of the messages."""
    assert preset(name).delivered(made) == [expected]


def test_telnyx_signature():
    """A stranger could post receipts, or Telnyx's own be refused; another program made the signature."""
    key = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    signature = "FEBrfrjWW0I0kybEn7z5GMci695UqBByPagFU7w8xykid5ELMJmTv35oSWkEoKN1nzH4dQXuO0vD/tzduhG6BQ=="
    body, stamp = b'{"data":{"event_type":"message.finalized","id":"e1"}}', "1796038556"
    telnyx = preset("telnyx")

    def genuine(data=body, key=key, **headers):
        given = {"telnyx_signature_ed25519": signature, "telnyx_timestamp": stamp, **headers}
        return telnyx.genuine(call(data, **given), key)

    assert genuine()
    assert telnyx.stamp(call(body, telnyx_timestamp=stamp)) == 1796038556
    for wrong in (
        {"data": body + b" "},
        {"telnyx_timestamp": "1796038557"},
        {"telnyx_signature_ed25519": "AA=="},
    ):
        assert not genuine(**wrong)
    for other in ("", "no Base64", b64encode(b"short").decode(), b64encode(bytes(32)).decode()):
        assert not genuine(key=other)


def test_plivo_signature():
    """The same with Plivo, which signs the fields of the form and sends several signatures at a time."""
    rules = {"hook_auth": "hmac", "hook_header": "X-Plivo-Signature-V3", "hook_secret": Secret("x")}
    nonce = {"hook_nonce_header": "X-Plivo-Signature-V3-Nonce"}
    plivo = hook(**rules, **nonce, hook_signed="{address}?acct=7.{fields}.{nonce}")
    fields = {"ErrorCode": "", "From": "15005550006", "MessageUUID": "uuid-1", "Status": "delivered"}
    data = urlencode({**fields, "To": "4520000001"}).encode()
    good = "GxyKYPySURsbCjr6pthlr+sT0jPUSogRVlDoVcpVQ2s="

    def genuine(signature, body=data, nonce="nonce-1"):
        named = {"x_plivo_signature_v3": signature, "x_plivo_signature_v3_nonce": nonce}
        return plivo.genuine(call(body, "https://smsfs.example/plivo/dlr?acct=7", **named), "plivo-token")

    assert genuine(good)
    assert genuine(f"AAAA,{good}")
    assert not genuine(good.lower())
    assert not genuine(good, data + b"1")
    assert not genuine(good, nonce="nonce-2")
    assert not genuine("")


def test_sinch_and_standard_webhooks():
    """Signatures of two more providers could not be described; they were made by other programs."""
    body = (
        b'{"type":"recipient_delivery_report_sms","batch_id":"01B","recipient":"4520000001","code":0,'
        b'"status":"DELIVERED","at":"2026-12-01T10:00:00.000Z"}'
    )
    signing = {"hook_auth": "hmac", "hook_secret": Secret("x")}
    sinch = hook(
        **signing,
        hook_signed="{body}.{nonce}.{timestamp}",
        hook_header="x-sinch-webhook-signature",
        hook_nonce_header="x-sinch-webhook-signature-nonce",
        hook_timestamp_header="x-sinch-webhook-signature-timestamp",
    )
    given = {"x_sinch_webhook_signature": "93k1f6Q6A8jtxEQEhZvPBAVvozK3Lskut18twTdU1GY="}
    given |= {
        "x_sinch_webhook_signature_nonce": "nonce-1",
        "x_sinch_webhook_signature_timestamp": "1796038556",
    }
    assert sinch.genuine(call(body, **given), "sinch-secret")
    assert not sinch.genuine(call(body, **given), "another")
    bird = hook(
        **signing,
        hook_signed="{nonce}.{timestamp}.{body}",
        hook_header="webhook-signature",
        hook_prefix="v1,",
        hook_nonce_header="webhook-id",
        hook_timestamp_header="webhook-timestamp",
    )
    given = {"webhook_signature": "v1,AAAA v1,5nH6LZ6d+xNtqEiJaudhEZ0YFA3tDO5FXxREIxDUB6w="}
    given |= {"webhook_id": "msg_1", "webhook_timestamp": "1796038556"}
    key = "whsec_YmlyZC1rZXktMDEyMzQ1Njc4OQ=="
    assert bird.genuine(call(b'{"type":"sms.delivered"}', **given), key)
    assert not bird.genuine(call(b'{"type":"sms.failed"}', **given), key)
    assert not bird.genuine(call(b'{"type":"sms.delivered"}', **given), key.removeprefix("whsec_"))


def test_secrets_without_a_signature():
    """Calls with a header or a login of the provider's would be refused, or a stranger's be taken."""
    basic = hook(hook_auth="basic", hook_secret=Secret("x"))
    login = "Basic " + b64encode(b"me:pass").decode()
    assert basic.genuine(call(authorization=login), "me:pass")
    assert not basic.genuine(call(authorization=login), "me:other")
    assert not basic.genuine(call(), "me:pass")
    header = hook(hook_auth="header", hook_secret=Secret("x"), hook_header="X-Key", hook_prefix="Key ")
    assert header.genuine(call(x_key="Key abc"), "abc")
    assert not header.genuine(call(x_key="abc"), "abc")
    hexadecimal = hook(hook_auth="hmac", hook_secret=Secret("x"), hook_header="X-Hub", hook_prefix="sha256=")
    given = f"sha256={digest(b'k', b'{}', sha256).hex().upper()}"
    assert hexadecimal.genuine(call(b"{}", x_hub=given), "k")
    assert not hexadecimal.genuine(call(b"{}", x_hub=given.removeprefix("sha256=")), "k")


def test_lists_and_odd_objects():
    """One object that cannot be read would cost the others, or a list of them be refused."""
    found = hook(**REPLIES, hook_items="data.items", hook_undelivered=["Failed "])
    items = [{"id": n, "to": f"+45200000{n:02}", "status": "FAILED"} for n in range(100)]
    assert len(found.delivered(call({"data": {"items": items}}))) == 100
    odd = [
        {},
        {"id": "", "status": "x"},
        {"id": "1", "status": "x" * 33},
        {"text": "Hi", "from": "Ann"},
        {"text": 5},
    ]
    read = found.delivered(call({"data": {"items": [*odd, {"id": 7, "status": "failed"}]}}))
    assert [item.event for item in read] == [""] * len(odd) + ["undelivered"]
    for body in (b'{"data":{}}', b'{"data":{"items":[7]}}', b"[1", b"", b"\xff"):
        with pytest.raises(UnreadableCallError):
            found.delivered(call(body))
    assert hook().delivered(call([])) == []
    assert hook().delivered(call(url=f"{URL}?id=5&status=Delivered&to=4520000001", method="GET")) == [
        Receipt("5", "4520000001", "delivered", "", "DELIVERED")
    ]


def test_one_id_for_all_of_a_request():
    """A receipt for one of many recipients would find no message, for their ids have the number in them."""
    many = {"json": '{"to": ["{to}"], "text": "{text}"}', "batch": 10, "answer_id": "id"}
    [receipt] = hook(**many).delivered(call({"id": "b1", "to": "+4520000001", "status": "delivered"}))
    assert (receipt.id, receipt.other) == ("b1", "b1-4520000001")


def test_messages_tell_the_address_and_our_own_id():
    """A provider that wants the address with each message would send no receipts, or not know our ids."""
    body = '{"to": "{to}", "text": "{text}", "dlr": "{hook}", "ref": "{id}"}'
    told = config(json=body)
    assert told.told_address
    assert not config().told_address
    item = envelope(1)
    [request] = Template(told, URL).requests([item])
    sent = json.loads(request.body)
    assert sent["dlr"] == URL
    assert sent["ref"].startswith(f"{item.key}-{item.attempt}-")
    [request] = Template(told).requests([item])
    assert "dlr" not in json.loads(request.body)
    assert Template(told).traceable
    assert not Template(config()).traceable


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"hook_token": Secret()}, "hook_id is set, and hook_token is not"),
        ({"hook_id": ""}, "it needs hook_id and hook_state"),
        ({"hook_delivered": []}, "none of hook_delivered, hook_undelivered, hook_expired has a word"),
        ({"hook_expired": ["Delivered"]}, "hook_expired has 'Delivered', which is empty"),
        ({"hook_reply_text": "text"}, "hook_reply_text and hook_reply_from go together"),
        ({"hook_auth": "basic"}, "hook_secret goes with hook_auth"),
        ({"hook_secret": Secret("x")}, "hook_secret goes with hook_auth"),
        ({**SIGNED, "hook_header": ""}, "hook_header goes with hook_auth"),
        ({**SIGNED, "hook_signed": "{url}"}, "hook_signed has neither {body}"),
        ({**SIGNED, "hook_signed": "{day}{body}"}, "hook_signed has the place {day}"),
        ({**SIGNED, "hook_timestamp_header": "T"}, "hook_timestamp_header goes with the place {timestamp}"),
        ({"hook_id": "a..b"}, "hook_id is 'a..b', and has to be a path"),
        ({"hook_from": ["gw.example.com"]}, "hook_from: 'gw.example.com' is neither an address"),
    ],
)
def test_what_could_never_work_is_refused(keys, clause):
    """A slip would show only when the first receipt is refused, or let anybody in."""
    with pytest.raises(ValueError, match="hook_") as refused:
        config(**keys)
    assert clause in str(refused.value)
