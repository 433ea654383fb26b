import pytest

pytestmark = pytest.mark.usefixtures("clinic")


def test_added_listed_and_lifted(smsfs):
    """An operator could not see who is turned away, or let somebody in."""
    assert (
        smsfs("bans", "add", "192.0.2.7", "2001:db8::5", "--reason", "noise", "--seconds", "60").status == 0
    )
    rows = smsfs("bans", "list", "--json").rows()
    assert sorted(row["address"] for row in rows) == ["192.0.2.7", "2001:db8::/64"]
    assert {row["reason"] for row in rows} == {"noise"}
    assert all(0 < row["seconds_left"] <= 60 for row in rows)
    assert "192.0.2.7" in smsfs("bans", "list").out
    assert smsfs("bans", "lift", "192.0.2.7", "192.0.2.8").out == "1 lifted, 1 were not banned.\n"
    assert smsfs("bans", "lift", "2001:db8::/64", "--all").out == "1 lifted, 0 were not banned.\n"
    assert smsfs("bans", "list", "--json").rows() == []


def test_what_is_no_address_is_refused(smsfs):
    """A ban would be made that nobody ever meets, or half the internet be turned away by a slip."""
    for given, word in (
        (["add", "somewhere"], "is no address"),
        (["add", "192.0.2.0/24"], "is a network"),
        (["lift"], "Name the addresses"),
    ):
        done = smsfs("bans", *given)
        assert done.status == 1
        assert word in done.err
