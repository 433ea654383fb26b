"""What Kannel calls a webhook with."""

from urllib.parse import parse_qs, parse_qsl

import pytest

from smsfs.backends import Receipt, ReplyPart
from smsfs.backends.http.contract import own_id
from smsfs.backends.http.hooks import Call, UnreadableCallError
from smsfs.backends.http.kannel import KannelConfig
from smsfs.backends.http.kannel_hook import KannelHook
from smsfs.backends.http.providers import kind_of, made
from smsfs.secret import Secret
from smsfs.simulator.http import kannel as strict
from smsfs.simulator.http.taken import Asked
from tests.support.backend_suite import envelope

HOOK = KannelHook()
URL = "https://smsfs.example/hooks/gateway/hook-0123456789ab"


def report(query):
    """What one report brings."""
    return HOOK.delivered(Call(f"{URL}?{query}", {}, b"", "GET"))


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("1", "id%3A7+stat%3ADELIVRD+err%3A000+text%3A", ("delivered", "000", "DELIVERED")),
        ("2", "id%3A7+stat%3AUNDELIV+err%3A034", ("undelivered", "034", "UNDELIVERED")),
        ("2", "id%3A7+stat%3AEXPIRED+err%3A005", ("receipt_expired", "005", "UNDELIVERED")),
        ("2", "", ("undelivered", "", "UNDELIVERED")),
        ("4", "", ("passing", "", "QUEUED")),
        ("8", "ACK%2F", ("passing", "", "HANDED_OVER")),
        ("16", "NACK%2F0x0000000b%2FInvalid+Destination%FF", ("undelivered", "", "REJECTED")),
        ("32", "", ("passing", "", "INTERMEDIATE")),
    ],
)
def test_reports(kind, said, expected):
    """A message that did not arrive would be shown as delivered, or the other way round."""
    assert report(f"id=12-3-1&to=4520000001&kind={kind}&said={said}") == [
        Receipt("12-3-1", "4520000001", *expected)
    ]


@pytest.mark.parametrize(
    "query", ["id=&to=4520000001&kind=1", "id=1-1-1&to=&kind=1", "id=1-1-1&to=45&kind=7", "x=1"]
)
def test_odd_reports_are_kept(query):
    """A call that can never be read would come again and again, or be lost without a word."""
    [receipt] = report(query)
    assert (receipt.id, receipt.event) == ("", "")


@pytest.mark.parametrize("query", ["", "nonsense", "\udcff", "&".join(["a=1"] * 2000)])
def test_garbage_is_no_report(query):
    """Garbage would be acknowledged as if it were stored, or end in a traceback."""
    with pytest.raises(UnreadableCallError):
        report(query)


def test_replies():
    """What a person answers would be lost, come twice, or with other letters than they wrote."""

    def reply(body, charset="UTF-8", **headers):
        given = {"x-kannel-from": "+4520000001", "x-kannel-to": "1204", **headers}
        kind = {"content-type": f'text/plain; charset="{charset}"'}
        [found] = HOOK.delivered(Call(URL, {**kind, **given}, body))
        return found

    assert reply("Ja æ".encode()) == ReplyPart("4520000001", "1204", "Ja æ")
    assert reply("Ja æ".encode("utf-16-be"), "UTF-16BE").text == "Ja æ"
    assert reply(b"Ja", "no-such").text == "Ja"
    assert reply(b"").text == ""
    first, again = (reply(b"Ja", **{"x-kannel-time": "2026-12-01 10:00:00"}) for _ in range(2))
    later = reply(b"Ja", **{"x-kannel-time": "2026-12-01 10:00:01"})
    assert first.id
    assert first.id == again.id != later.id
    odd = reply(b"Ja", **{"x-kannel-from": "Acme"})
    assert (odd.id, odd.event) == ("", "")


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_messages_ask_for_reports(tmp_path, method):
    """Kannel would report nothing, or reports would belong to no message."""

    def asked(**options):
        login = {"username": "smsfs", "password": Secret("s"), "default_sender": "Acme"}
        config = KannelConfig("kannel", url="http://x.example", method=method, **login, **options)
        provider = made(config, tmp_path, {}, ("gateway", "https://smsfs.example"))
        [request] = provider.requests([envelope(1)])
        headers = {key.lower(): value for key, value in request.headers.items()}
        found = Asked(method, request.path, headers, request.body)
        assert strict.Kannel().take(found, 1, lambda _: "").status == 202
        query = dict(parse_qsl(request.path.partition("?")[2]))
        dlr = {key: query.get(key) or headers.get(f"x-kannel-{key}") for key in ("dlr-url", "dlr-mask")}
        return kind_of(config).traceable, dlr

    traceable, dlr = asked(hook_token=Secret("hook-0123456789ab"))
    assert (traceable, dlr["dlr-mask"]) == (True, "31")
    message = envelope(1)
    address, _, query = dlr["dlr-url"].partition("?")
    assert address == URL
    assert query.endswith("&kind=%d&said=%A")
    filled = query.replace("%d", "1").replace("%A", "ACK%2F")
    assert parse_qs(filled)["id"] == [own_id(message)]
    [receipt] = report(filled)
    assert (receipt.id, receipt.recipient) == (own_id(message), message.message.recipient)
    assert asked() == (False, {"dlr-url": None, "dlr-mask": None})
