"""What Vonage calls a webhook with: who signed it, and what it says."""

import json
from urllib.parse import urlencode

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.hooks import Call, UnreadableCallError
from smsfs.backends.http.vonage_hook import VonageHook

HOOK, SECRET, URL = VonageHook(), "sigsecret", "https://smsfs.example/hooks/vg/t"
#: The fields of one text that was signed in all ways, by the provider's own library but for the first.
SIGNED = {
    "api-key": "abcd1234",
    "err-code": "0",
    "messageId": "0A0000001234567B",
    "msisdn": "447700900001",
    "nonce": "n-1",
    "status": "delivered",
    "text": "a&b=c",
    "timestamp": "1796038556",
    "to": "Acme",
}
SIGNATURES = {
    "md5hash": "6ed046cda5a5c7478871b798e7e6afda",
    "md5": "261D43E19C124ECF321BEAC15A769A51",
    "sha1": "F7A35E01784F277CBAC7C22D862E7DD297BFC330",
    "sha256": "7D0230D5CC9CB3B3A18BE0E0A29B6C7E153BC37395413DB59BFB3F15D8136746",
    "sha512": (
        "C5293DC5CA667EF3103EB4CD33530DF6E74F63C7AEA08FD337C3C46EEC1A40C0"
        "B213E827660BDB34D39954DC5608E143D7818DD9AA20D597DB9CB8F58640B9D6"
    ),
}
RECEIPT = {key: value for key, value in SIGNED.items() if key != "text"}


def called(form, way="json"):
    """A call in one of the three ways that an account can have."""
    if way == "query":
        return Call(f"{URL}?{urlencode(form)}", {}, b"", "GET")
    if way == "form":
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return Call(URL, kind, urlencode(form).encode())
    return Call(URL, {"content-type": "application/json; charset=utf-8"}, json.dumps(form).encode())


@pytest.mark.parametrize("way", ["json", "form", "query"])
@pytest.mark.parametrize("method", SIGNATURES)
def test_signature_is_checked(method, way):
    """A stranger who knows the address could post receipts, or true ones be refused."""
    hook, signature = VonageHook(method), SIGNATURES[method]
    for sig in (signature, signature.lower(), signature.upper()):
        assert hook.genuine(called({**SIGNED, "sig": sig}, way), SECRET)
    for other in SIGNATURES.values():
        assert hook.genuine(called({**SIGNED, "sig": other}, way), SECRET) == (other == signature)
    changed = {**SIGNED, "status": "failed", "sig": signature}
    wrong = [called(SIGNED, way), called(changed, way), called({**SIGNED, "more": "", "sig": signature}, way)]
    assert [hook.genuine(item, SECRET) for item in wrong] == [False] * len(wrong)
    assert not hook.genuine(called({**SIGNED, "sig": signature}, way), "another")


@pytest.mark.parametrize("way", ["json", "form", "query"])
@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("delivered", "delivered"),
        ("expired", "receipt_expired"),
        ("failed", "undelivered"),
        ("rejected", "undelivered"),
        ("accepted", "passing"),
        ("buffered", "passing"),
        ("unknown", "passing"),
        ("a_new_one", "passing"),
    ],
)
def test_receipts(status, event, way):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    expected = Receipt("0A0000001234567B", "447700900001", event, "0", status.upper())
    assert HOOK.delivered(called({**RECEIPT, "status": status}, way)) == [expected]


@pytest.mark.parametrize("way", ["json", "form", "query"])
def test_replies(way):
    """What a person answers would be lost, or its parts stand alone."""
    answer = {
        "msisdn": "447700900001",
        "to": "447700900000",
        "messageId": "m1",
        "text": "Ja & æ",
        "type": "text",
    }
    parts = ("447700900001", "447700900000", "Ja & æ")
    assert HOOK.delivered(called(answer, way)) == [ReplyPart(*parts, id="m1")]
    long = {**answer, "concat": "true", "concat-ref": "8", "concat-part": "2", "concat-total": "3"}
    assert HOOK.delivered(called(long, way)) == [ReplyPart(*parts, 8, 2, 3, id="m1")]


@pytest.mark.parametrize(
    "odd",
    [
        {"messageId": ""},
        {"messageId": None},
        {"msisdn": "Acme"},
        {"status": "?"},
        {"text": "x", "concat-part": "3", "concat-total": "2"},
        {"text": "x", "concat-part": "one"},
        {"text": "x", "concat-ref": "Acme"},
    ],
)
def test_odd_calls_are_kept(odd):
    """A call that can never be read would come again for a day, or be lost without a word."""
    [receipt] = HOOK.delivered(called({**RECEIPT, **odd}))
    assert (receipt.id, receipt.event) == ("", "")


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b'{"a":[]}', b"\xff"])
def test_garbage_is_no_call(body):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    for headers in ({}, {"content-type": "application/json"}):
        call = Call(URL, headers, body)
        assert not HOOK.genuine(call, SECRET)
        with pytest.raises(UnreadableCallError):
            HOOK.delivered(call)
    for url in (URL, f"{URL}?\udcff"):
        with pytest.raises(UnreadableCallError):
            HOOK.delivered(Call(url, {}, b"", "GET"))
