"""Logins that the server could not check count against nobody."""

import asyncio
import contextlib
import sqlite3

import psycopg
import pytest

from smsfs.store.postgresql import PostgresStore
from tests.support.pair import Forwarder
from tests.support.server import until

DOORS = ["password", "interactive", "key", "ftp"]
NOT_CHECKED = "Logins cannot be checked for now; try again later."
#: Of which two would ban an address.
TRIES = 3


def execute(engine, path, statement):
    """Run a statement behind the store's back."""
    if engine == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(path) as connection:
            connection.execute(statement)


async def tried(front, doors):
    """What clients with the right password or key are told."""
    return await asyncio.gather(*(front.log_in(door) for door in doors for _ in range(TRIES)))


async def is_let_in(front, door):
    """Whether a door lets the client in."""
    return await front.log_in(door) is None


async def let_in(front, doors):
    """Wait until every door lets the client in, as after an outage."""
    for door in doors:
        await until(lambda door=door: is_let_in(front, door), "the login")


def names(events):
    """The names of log events."""
    return [event["event"] for event in events]


def check_excused(events, told, doors):
    """Nothing was counted, and each was told of for what it was."""
    assert all(NOT_CHECKED in words for words in told), told
    assert not {"login_failed", "banned"} & set(names(events))
    assert names(events).count("login_check_failed") >= TRIES * len(doors)


@pytest.fixture
def place(engine, request, tmp_path):
    """Where the store is."""
    return tmp_path / "smsfs.db" if engine == "sqlite" else request.getfixturevalue("database")


@pytest.fixture
def store(connect, new_account):
    """A store with an account."""
    store = connect()
    new_account(store)
    return store


def test_error_of_the_database_bans_nobody(run, store, engine, place, front, events):
    """After a fault everybody behind an honest company's address would be shut out for ten minutes."""

    async def scenario():
        async with front(store).running() as host:
            execute(engine, place, "ALTER TABLE account RENAME TO gone")
            told = await tried(host, DOORS)
            execute(engine, place, "ALTER TABLE gone RENAME TO account")
            await let_in(host, DOORS)
            return told

    check_excused(events, run(scenario()), DOORS)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_database_away_bans_nobody(run, postgres, place, front, new_account, events):
    """Likewise when the database is restarted, or its network fails."""

    async def scenario():
        with (
            Forwarder(postgres.port) as way,
            contextlib.closing(PostgresStore(place.replace(f":{postgres.port}/", f":{way.port}/"))) as store,
        ):
            new_account(store)
            async with front(store).running() as host:
                with way.cut():
                    told = await tried(host, DOORS)
                await let_in(host, DOORS)
                return told

    check_excused(events, run(scenario()), DOORS)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("fault", ["no threads", "damaged hash"])
def test_password_that_cannot_be_verified_bans_nobody(run, store, front, events, fault):
    """A host without threads or memory to spare, or one damaged row, would shut out its best customers."""
    doors = ["password", "interactive", "ftp"]

    async def scenario():
        async with front(store).running() as host:
            if fault == "no threads":
                host.logins._threads.shutdown()
            else:
                store.accounts.set_password(store.accounts.find("shop").id, "no hash")
            return await tried(host, doors), await host.log_in("key")

    told, by_key = run(scenario())
    assert by_key is None
    check_excused(events, told, doors)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_damaged_key_shuts_nobody_out(run, store, front, events):
    """A key that cannot be read would stand before all others, or the account's address be banned for it."""
    store.accounts.add_key(store.accounts.find("shop").id, "ssh-ed25519 damaged")

    async def scenario():
        async with front(store).running() as host:
            refused = [await host.log_in("key", right=False) for _ in range(TRIES)]
            return refused, await host.log_in("key"), await host.log_in("password")

    refused, *others = run(scenario())
    assert all("denied" in words for words in refused)
    assert others == [None, None]
    assert not {"login_failed", "banned"} & set(names(events))


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("door", DOORS)
def test_wrong_ones_still_ban(run, store, front, events, door):
    """Passwords and keys could be tried without end."""

    async def scenario():
        async with front(store).running() as host:
            for _ in range(2):
                assert await host.log_in(door, right=False)
            await until(lambda: host.log_in(door), "the ban")  # a key counts when its connection has ended
            return await host.log_in(door)

    assert run(scenario()) is not None
    assert names(events).count("banned") == 1
    assert "login_check_failed" not in names(events)
