"""Failed logins are counted over all processes, and who is banned is known to all."""

from smsfs.store import Store
from smsfs.store.bans import Ban, BanRules
from tests.support.store_suite.base import NOW, StoreFixtures

ADDRESS, OTHER = "192.0.2.7", "2001:db8::/64"
RULES = BanRules(after=3, window=600, time=100)


class BanSuite(StoreFixtures):
    """What a store promises of failures and bans."""

    def test_failures_of_all_processes_count_together(self, store: Store, other: Store) -> None:
        """Passwords could be tried as often again on each host."""
        assert store.bans.fail(ADDRESS, RULES, "why", NOW) is None
        assert other.bans.fail(ADDRESS, RULES, "why", NOW + 1) is None
        assert store.bans.fail(OTHER, RULES, "why", NOW + 1) is None
        ban = other.bans.fail(ADDRESS, RULES, "why", NOW + 2)
        assert ban == Ban(ADDRESS, NOW + 2, NOW + 102, "why")
        assert store.bans.all(NOW + 3) == [ban]
        assert store.bans.several([ADDRESS, OTHER], NOW + 3) == {ADDRESS: ban}

    def test_bans_and_failures_end(self, store: Store) -> None:
        """An honest client would be shut out for what it did long ago."""
        for second in (0, 300, 601):
            assert store.bans.fail(ADDRESS, RULES, "why", NOW + second) is None
        store.bans.add(Ban(OTHER, NOW, NOW + 5, "by hand"))
        assert store.bans.all(NOW + 5) == []
        assert store.bans.several([OTHER], NOW + 5) == {}
        assert store.bans.several([], NOW) == {}

    def test_lifted_ban_is_gone_with_its_failures(self, store: Store, other: Store) -> None:
        """The next typing error would ban a client again that had just been let in."""
        for _ in range(3):
            store.bans.fail(ADDRESS, RULES, "why", NOW)
        assert other.bans.lift(ADDRESS)
        assert not other.bans.lift(ADDRESS)
        assert store.bans.all(NOW) == []
        assert store.bans.fail(ADDRESS, RULES, "why", NOW) is None
        assert other.bans.lift(ADDRESS) is False
        assert store.bans.fail(ADDRESS, RULES, "why", NOW) is None

    def test_ban_in_place_of_another(self, store: Store) -> None:
        """A ban by hand could not be made longer."""
        for until in (5, 50):
            store.bans.add(Ban(ADDRESS, NOW, NOW + until, "by hand"))
        assert [ban.until for ban in store.bans.all(NOW)] == [NOW + 50]
