"""Pages of a database file that nothing is on any more."""

from contextlib import closing

from smsfs.store.sqlite import SqliteStore, free_pages


def _filled(store, accounts):
    """Makes accounts of a page each, and removes them; how many pages are free then."""
    made = [store.accounts.add(f"a{n}", "gatewayapi", {"email": "x" * 3000}, 1.0) for n in range(accounts)]
    for account in made:
        store.accounts.remove(account.id)
    return _count(store, "freelist_count")


def _count(store, pragma):
    with store._database.reading() as connection:
        return connection.plain.execute(f"PRAGMA {pragma}").fetchone()[0]


def test_several_free_pages_are_given_back_in_one_turn(tmp_path, monkeypatch):
    """Each page would take a commit of its own: after a sweep of a million messages for minutes."""
    monkeypatch.setattr(free_pages, "PAGES", 8)
    with closing(SqliteStore(tmp_path / "smsfs.db")) as store:
        free = _filled(store, 20)
        assert free >= 20
        assert store._database._vacuum()
        assert _count(store, "freelist_count") == free - 8
        assert store.tidy()
        assert _count(store, "freelist_count") == 0


def test_a_large_file_keeps_some_free_pages(tmp_path, monkeypatch):
    """Each day's messages would take pages that were given back to the disk at night, with much work."""
    monkeypatch.setattr(free_pages, "PAGES", 1)
    with closing(SqliteStore(tmp_path / "smsfs.db")) as store:
        free = _filled(store, 100)
        monkeypatch.setattr(free_pages, "LARGE", 50)
        assert store.tidy()
        pages, left = _count(store, "page_count"), _count(store, "freelist_count")
        assert 0 < left < free
        assert (pages - 1) // 4 <= left <= pages // 4
