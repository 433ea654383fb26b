"""Bans hold on every door of every host, and outlive a restart."""

import contextlib
import sqlite3
import time

import pytest

from smsfs.store.bans import Ban
from tests.support.server import until

ADDRESS = "127.0.0.1"
DOORS = ["password", "key", "ftp"]


async def refused(host):
    """Whether every door refuses the right password or key."""
    return all([await host.log_in(door) for door in DOORS])


async def lets_in(host):
    """Whether every door lets in."""
    return not any([await host.log_in(door) for door in DOORS])


async def let_in(host):
    """Wait until every door lets in."""
    await until(lambda: lets_in(host), "the logins")


async def shut_out(*hosts):
    """Wait until every door of each host refuses: what it asked before holds for a moment."""
    for host in hosts:
        await until(lambda host=host: refused(host), "the refusals")


async def banned(store):
    """Wait until there is a ban, for a key counts when its connection has ended; its address."""
    bans = await until(lambda: store.bans.all(store.now()), "the ban")
    return [ban.address for ban in bans]


def test_failures_count_over_all_doors_and_hosts(run, connect, front, new_account):
    """Passwords could be tried as often again by each door of each host, and after each restart."""
    stores = [connect() for _ in range(3)]
    new_account(stores[0])

    async def scenario():
        one, two = (front(store, ban_after=4) for store in stores[:2])
        async with one.running(), two.running():
            for host, door in (one, "password"), (one, "ftp"), (two, "interactive"), (two, "key"):
                assert await host.log_in(door, right=False)
            assert await banned(stores[0]) == [ADDRESS]
            await shut_out(one, two)
        async with front(stores[2], ban_after=4).running() as again:
            assert await refused(again)
            assert stores[0].bans.lift(ADDRESS)
            await let_in(again)

    run(scenario())


def test_lifted_and_made_by_hand_on_every_host(run, connect, front, new_account):
    """An operator could not let a customer in who mistyped, or keep an attacker out, at once."""
    stores = [connect() for _ in range(2)]
    new_account(stores[0])

    async def scenario():
        one, two = (front(store) for store in stores)
        async with one.running(), two.running():
            await let_in(one)
            await let_in(two)
            now = stores[0].now()
            stores[0].bans.add(Ban(ADDRESS, now, now + 600, "by hand"))
            await shut_out(one, two)
            stores[0].bans.lift(ADDRESS)
            began = time.monotonic()
            await let_in(one)
            await let_in(two)
            return time.monotonic() - began

    assert run(scenario()) < 20


@pytest.mark.parametrize("engine", ["sqlite"])
def test_store_in_trouble_leaves_each_door_its_own_count(run, connect, front, new_account, tmp_path):
    """Passwords could be tried without end while the store is away, or the ban be forgotten after."""
    store = connect()
    new_account(store)

    def rename(*names):
        with contextlib.closing(sqlite3.connect(tmp_path / "smsfs.db")) as connection, connection:
            connection.execute("ALTER TABLE {} RENAME TO {}".format(*names))

    async def scenario():
        async with front(store).running() as host:
            rename("login_failure", "gone")
            for _ in range(2):
                assert await host.log_in("password", right=False)
            assert await host.log_in("password")
            rename("gone", "login_failure")
            return await banned(store)

    assert run(scenario()) == [ADDRESS]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_logins_that_succeed_write_nothing(run, connect, front, new_account, tmp_path):
    """Each login would wait for the disk, or for whoever writes."""
    store = connect()
    new_account(store)

    async def scenario():
        with contextlib.closing(sqlite3.connect(tmp_path / "smsfs.db")) as watcher:
            async with front(store).running() as host:
                before = watcher.execute("PRAGMA data_version").fetchone()
                for door in DOORS:
                    assert await host.log_in(door) is None
                return before, watcher.execute("PRAGMA data_version").fetchone()

    before, after = run(scenario())
    assert before == after
