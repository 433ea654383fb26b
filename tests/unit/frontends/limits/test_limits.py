import pytest

from smsfs.frontends import limits
from smsfs.frontends.limits import AddressLimits


def new_limits(total=10, each=2):
    """Limits that ban after three failures in 600 s, for 100 s."""
    return AddressLimits(total, each, ban_after=3, ban_window=600, ban_time=100)


def test_connections_of_one_address_are_limited():
    """One client that leaks connections would lock all others out."""
    many = new_limits()
    assert [many.connect("1.1.1.1", 0) for _ in range(3)] == [
        None,
        None,
        "too many connections from this address",
    ]
    assert many.connect("2.2.2.2", 0) is None
    many.disconnect("1.1.1.1")
    assert many.connect("1.1.1.1", 0) is None


def test_connections_are_limited_altogether():
    """A crowd would use up the server's memory."""
    few = new_limits(total=1)
    assert few.connect("1.1.1.1", 0) is None
    assert few.connect("2.2.2.2", 0) == "too many connections"


def test_failures_ban_for_a_time():
    """Passwords could be tried without end, or a mistaken client be locked out for ever."""
    strict = new_limits()
    assert [strict.fail("1.1.1.1", now) for now in (-599, -300, 0)] == [False, False, True]
    assert strict.connect("1.1.1.1", 99) == "banned"
    assert strict.is_banned("1.1.1.1", 99)
    assert strict.connect("1.1.1.1", 100) is None
    assert strict.connect("2.2.2.2", 0) is None


def test_failures_are_forgiven_with_time():
    """A client with a wrong password now and then would be banned in the end."""
    strict = new_limits()
    assert not any(strict.fail("1.1.1.1", now) for now in range(0, 10_000, 301))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.1.1.1", "::ffff:1.1.1.1", True),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("1.1.1.1", "1.1.1.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("unknown", "unknown", True),
    ],
)
def test_what_counts_as_one_address(one, other, same):
    """An IPv6 client would get round its ban by its next address."""
    assert (limits.key_of(one) == limits.key_of(other)) is same


def test_memory_is_bounded_and_connections_are_kept(monkeypatch):
    """A scan from many addresses would fill the memory, or make the counts wrong."""
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 5)
    busy = new_limits(total=100)
    busy.connect("9.9.9.9", 0)
    for number in range(50):
        busy.fail(f"1.1.1.{number}", 0)
    assert len(busy._records) == 5
    assert busy.connect("9.9.9.9", 0) is None
    assert busy.connect("9.9.9.9", 0) == "too many connections from this address"
