"""Who calls through a proxy."""

import pytest

from smsfs.frontends.forwarded import caller
from smsfs.ranges import networks

PROXIES = networks("trusted_proxies", ["127.0.0.1", "10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # no proxy of ours says so
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (
            "127.0.0.1",
            ["192.0.2.9, 198.51.100.1"],
            "198.51.100.1",
        ),  # what stands before it, anybody can write
        ("127.0.0.1", ["192.0.2.9", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1:5060"], "198.51.100.1"),
        ("::1", ["[2001:db8::5]:443"], "2001:db8::5"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, unknown"], "unknown"),
        ("127.0.0.1", ["198.51.100.1,"], ""),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_who_calls(peer, headers, found):
    """Anybody could pretend to call from the provider's network, or the provider be shut out."""
    assert caller(peer, headers, PROXIES) == found
