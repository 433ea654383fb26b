"""Whatever is posted to a webhook is stored in a form that fits, or refused, without a traceback."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsfs.backends import Receipt
from smsfs.backends.http.bulksms_hook import BulkSmsHook
from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import LONGEST_ID, LONGEST_WORD, Call, UnreadableCallError
from smsfs.backends.http.infobip_hook import InfobipHook
from smsfs.backends.http.kannel_hook import KannelHook, dlr_url
from smsfs.backends.http.naxai_hook import NaxaiHook
from smsfs.backends.http.smsportal_hook import SmsPortalHook
from smsfs.backends.http.template_hook import TemplateHook
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.backends.http.vonage_hook import VonageHook
from smsfs.config import load
from smsfs.simulator.http import Message
from smsfs.simulator.http.posts import KINDS, PORTAL_SIGNATURE, PORTAL_TIMESTAMP, Reply

URL, SECRET, NOW = "https://sms.example.com/hooks/gw/token", "secret-0123456789", 1_796_038_556.0
OWN = Path(__file__).parents[4] / "packaging" / "smsfs-http.toml"
HOOKS = {
    "gatewayapi": GatewayApiHook(),
    "smsportal": SmsPortalHook(PORTAL_SIGNATURE, PORTAL_TIMESTAMP),
    "twilio": TwilioHook(),
    "kannel": KannelHook(),
    "vonage": VonageHook(),
    "infobip": InfobipHook(),
    "naxai": NaxaiHook("Authorization"),
    "bulksms": BulkSmsHook(),
    "http": TemplateHook(load(OWN).backends["gateway"]),
}
UNSIGNED = ("kannel", "infobip", "bulksms")
EVENTS = {"delivered", "undelivered", "receipt_expired", "passing", ""}
#: What may stand anywhere in JSON.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def posts(provider):
    """True calls of a provider, signed."""
    kind = KINDS[provider]
    told = dlr_url(URL, "12-3-1", "4520000001") if provider == "kannel" else ""
    message = Message(
        source="1204", destination="4520000001", text="Hi", id="1000001-4520000001", callback=told
    )
    made = [
        *kind.receipt(message, "delivered", URL, NOW),
        kind.reply(Reply("4520000001", "1204", "Ja", "m"), URL, NOW),
    ]
    return [kind.sign(post, SECRET, NOW) for post in made]


def called(post, body, url, headers):
    """A call as our server has it, with changes."""
    named = {"Content-Type": post.kind, **post.headers}
    return Call(url, {**{name.lower(): text for name, text in named.items()}, **headers}, body, post.method)


def paths(tree, path=()):
    """The way to every value of a tree of JSON."""
    yield path
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield from paths(value, (*path, key))


def changed(tree, path, value):
    """The tree with another value at the end of a path."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@st.composite
def other_bodies(draw, body):
    """A body that somebody has changed: a value of it, some bytes, or all."""
    if body[:1] in (b"{", b"[") and draw(st.booleans()):
        tree = msgspec.json.decode(body)
        return msgspec.json.encode(changed(tree, draw(st.sampled_from(list(paths(tree)))), draw(VALUES)))
    if draw(st.booleans()):
        return draw(st.binary(max_size=60))
    begin, end = sorted((draw(st.integers(0, len(body))), draw(st.integers(0, len(body)))))
    return body[:begin] + draw(st.binary(max_size=8)) + body[end:]


def check(item):
    """That the store can take what was read."""
    texts = [
        item.id,
        item.recipient,
        *((item.event, item.code, item.reason, item.other) if isinstance(item, Receipt) else (item.sender,)),
    ]
    assert all(isinstance(text, str) and len(text) <= LONGEST_ID + 64 for text in texts)
    if isinstance(item, Receipt):
        assert item.event in EVENTS
        assert len(item.code) <= LONGEST_WORD
        assert item.done is None or isinstance(item.done, float)
    else:
        assert isinstance(item.text, str)
        assert 1 <= item.part <= item.total
        assert item.sender.isdigit()


@pytest.mark.parametrize("provider", HOOKS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_call_is_read_or_refused(provider, data):
    """A call with a changed byte would end in a traceback, break lists that show it, or pass for signed."""
    hook, post = HOOKS[provider], data.draw(st.sampled_from(posts(provider)))
    body = data.draw(st.just(post.body) | other_bodies(post.body))
    url = data.draw(st.just(post.url) | st.text(max_size=20).map(lambda text: f"{post.url}&{text}"))
    headers = data.draw(
        st.dictionaries(
            st.sampled_from([*map(str.lower, post.headers), "x"]), st.text(max_size=40), max_size=2
        )
    )
    made = called(post, body, url, headers)
    try:
        for item in hook.delivered(made):
            check(item)
        hook.stamp(made)
    except UnreadableCallError:
        pass
    if provider in UNSIGNED:
        return
    true = body == post.body and url == post.url and not set(headers) - {"x"}
    genuine = hook.genuine(made, SECRET)
    assert genuine or not true
    assert not hook.genuine(made, "another-secret")
    if genuine and provider != "naxai":  # which sends the secret, and signs nothing
        assert hook.delivered(made) == hook.delivered(called(post, post.body, post.url, {}))
