"""Connections to PostgreSQL: few, shared, given back, and none that an answer never comes on."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.store.again import again
from smsfs.store.postgresql import PostgresStore, pool, survey
from smsfs.store.postgresql import database as engine
from smsfs.store.postgresql.connection import SQL
from tests.support.pair import Forwarder
from tests.support.pgbouncer import PgBouncer
from tests.support.server import wait_for

CSV = b"msisdn,message\n4512345678,Hello\n"
BOUND = 60.0


@pytest.fixture
def role(postgres, database):
    """Makes the URL of the database for a new role with a limit of connections."""
    made = []

    def make(limit):
        made.append(postgres.new_role(database, f"CONNECTION LIMIT {limit}"))
        return made[-1]

    yield make
    with psycopg.connect(database, autocommit=True) as connection:
        for url in made:
            name = user(url)
            connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")


def user(url):
    """The role of a URL."""
    return url.partition("//")[2].partition("@")[0]


def taken(postgres, url):
    """How many connections a role has."""
    ((count,),) = postgres.execute(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user(url)}'")  # noqa: S608 -- our own name
    return count


def upload(store, owner, names):
    """Upload files on a thread of its own for each of some names; those that went through."""
    account = store.accounts.find("shop") or store.accounts.add("shop", "gatewayapi", {}, store.now())
    files = Filesystems(store, owner, dialect).of(account)

    def put(name):
        draft = files.open(name, os.O_WRONLY | os.O_CREAT)
        draft.write(0, CSV)
        draft.close()
        files.rename(name, f"{name}.ready", replace=False)
        return name

    with ThreadPoolExecutor(len(names)) as threads:
        return list(threads.map(put, names))


@pytest.mark.parametrize("limit", [1, 3])
def test_few_connections_are_slowness(role, limit):
    """With a small role, uploads would wait for each other's connections until all of them failed."""
    store = PostgresStore(role(limit), connections=6)
    names = [f"{number}.csv" for number in range(24)]
    assert upload(store, store.register("front"), names) == names
    store.close()


def test_more_processes_than_connections_take_turns(role):
    """A process that began later would get no connection as long as the others, idle or not, lived."""
    url = role(2)
    stores = []
    for number in range(4):
        wait_for(lambda: stores.append(open_store(url)) or stores[-1], "a connection", BOUND)
        assert stores[-1].register(f"kind{number}")
    for _ in range(3):
        for store in stores:
            wait_for(lambda store=store: len(answer(store)) == len(stores), "an answer", BOUND)
    for store in stores:
        store.close()


def open_store(url):
    """A store that is not dead after a while without a connection."""
    return PostgresStore(url, lease=120)


def answer(store):
    """Who is alive, when the store can be asked."""
    with contextlib.suppress(StoreUnavailable):
        return store.alive()
    return {}


def test_a_command_gets_in_beside_busy_hosts(role, postgres):
    """Who is to find out why all is slow would be told that there are too many connections."""
    url = role(8)
    stores = [PostgresStore(url, connections=6) for _ in range(2)]
    over = threading.Event()

    def work(store):
        while not over.is_set():
            with store._database.reading() as connection:
                connection.session.execute("SELECT pg_sleep(0.05)")

    with ThreadPoolExecutor(16) as threads:
        jobs = [threads.submit(work, store) for store in stores for _ in range(8)]
        try:
            wait_for(lambda: taken(postgres, url) >= 8 - pool.KEPT, "the hosts to take what they may")
            for _ in range(5):
                PostgresStore(url, connections=2).close()
        finally:
            over.set()
        for job in jobs:
            job.result()
    for store in stores:
        store.close()


def test_idle_processes_keep_one_connection_each(role, postgres, monkeypatch):
    """Idle hosts would use up what other programs, and the commands, need."""
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(pool, "GROW_AFTER_SECONDS", 0.001)  # on a quick machine nobody waits for long
    url = role(50)
    store = PostgresStore(url, connections=6)
    owner = store.register("intake")
    upload(store, owner, [f"{number}.csv" for number in range(12)])
    assert 1 < taken(postgres, url) <= 6
    with ThreadPoolExecutor(1) as threads:
        hearing = threads.submit(lambda: [store.changed(0.5) for _ in range(6)])
        wait_for(lambda: taken(postgres, url) == 1, "the others to be given back", BOUND)
        store.touch(owner)
        assert any(hearing.result())
    assert taken(postgres, url) == 1
    store.close()


def test_postgresqls_own_reason_is_told(role, monkeypatch):
    """The operator would look for a slow network, where a role has too few connections."""
    monkeypatch.setattr(engine, "POOL_SECONDS", 0.3)
    url = role(1)
    with psycopg.connect(url), pytest.raises(StoreUnavailable) as told:
        PostgresStore(url)
    assert f'too many connections for role "{user(url)}"' in str(told.value)
    assert "does not answer" not in str(told.value)


def test_too_few_connections_are_told_at_the_start(role):
    """It would show under load only, and then as slowness that nobody can explain."""
    url = role(10)
    store = PostgresStore(url)
    store.register("front")
    (warning,) = store.concerns(12)
    assert "10 connections for smsfs" in warning
    assert f"the role {user(url)} may have 10" in warning
    assert store.concerns(4) == []
    store.close()


def test_an_answer_that_got_lost_is_not_waited_for(database, postgres, monkeypatch):
    """One connection after the other would hang for ever behind a firewall that forgot it."""
    monkeypatch.setattr(pool, "SILENT_SECONDS", 0.3)
    with Forwarder(postgres.port) as way:
        store = PostgresStore(database.replace(f":{postgres.port}/", f":{way.port}/"), connections=2)
        owner = store.register("front")
        store.touch(owner)
        with way.forgotten():  # what is open is heard of no more; what is opened anew gets through
            with pytest.raises(StoreUnavailable, match="does not answer now"):
                store.touch(owner)
            wait_for(lambda: keeps_on(lambda: store.touch(owner)), "another connection", BOUND)
        store.close()


def test_a_change_that_got_lost_on_the_way_is_undone(database, postgres, monkeypatch):
    """A process that lives would hang in a write for ever, and every other behind the locks of it."""
    monkeypatch.setattr(pool, "SILENT_SECONDS", 0.3)
    with Forwarder(postgres.port) as way:
        store = PostgresStore(database.replace(f":{postgres.port}/", f":{way.port}/"), connections=2)
        owner = store.register("front")
        with pytest.raises(StoreUnavailable):
            copy(store, owner, forgetting(way))
        with psycopg.connect(database) as other:
            other.execute("SET lock_timeout = '60s'")
            assert other.execute("SELECT id FROM owner FOR UPDATE").fetchall() == [(owner.id,)]
        store.close()


def copy(store, owner, rows):
    """Change something, and copy rows in."""
    with store._database.write() as connection:
        connection.change("owner_touch", owner=owner.id)
        connection.add("outcome_add", rows)


def forgetting(way):
    """Rows for a COPY, in the midst of which the connection is forgotten."""
    columns = SQL["outcome_add"].partition("(")[2].partition(")")[0].split(", ")
    with way.forgotten():
        yield [1] * len(columns)


def test_a_lease_lasts_while_every_connection_waits(database):
    """A host whose uploads all wait for one lock would be taken for dead, and its messages be sent twice."""
    store = PostgresStore(database, connections=1, lease=2.0, margin=0.5)
    owner = store.register("front")
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())
    with psycopg.connect(database, autocommit=True) as other, ThreadPoolExecutor(1) as threads:
        with other.transaction():
            other.execute("SELECT * FROM account FOR UPDATE")
            waiting = threads.submit(store.accounts.set_disabled, account.id, disabled=True)
            wait_for(lambda: a_session_waits(database), "the only connection to wait", BOUND)
            with psycopg.connect(database, autocommit=True) as looks:
                until = "SELECT until FROM owner"
                (first,) = looks.execute(until).fetchone()
                wait_for(lambda: looks.execute(until).fetchone()[0] > first + 4, "the lease to go on", BOUND)
        waiting.result(BOUND)
    assert store.holds(owner)
    assert owner.id in store.alive()
    store.close()


def a_session_waits(database):
    """Whether a session waits for a lock."""
    with psycopg.connect(database) as looks:
        return looks.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() > (0,)


def keeps_on(step):
    """Whether a step goes through."""
    with contextlib.suppress(StoreUnavailable):
        step()
        return True
    return False


def test_a_server_that_still_works_is_waited_for(database, monkeypatch):
    """A commit that waits for the standby, or for another's lock, would be given up and done all the same."""
    monkeypatch.setattr(pool, "SILENT_SECONDS", 0.2)
    store = PostgresStore(database)
    owner = store.register("front")
    asked, answers = threading.Event(), []
    works = survey.works

    def watched(*given):
        answers.append(works(*given))
        asked.set()
        return answers[-1]

    monkeypatch.setattr(survey, "works", watched)
    with psycopg.connect(database) as other, ThreadPoolExecutor(1) as threads:
        other.execute("SELECT * FROM owner FOR UPDATE")
        waiting = threads.submit(store.touch, owner)
        assert asked.wait(BOUND)
        other.rollback()
        assert waiting.result() is None
    assert all(answers)
    store.close()


def test_a_slow_way_is_slowness(database, postgres, monkeypatch):
    """Over a line with a delay, clients that wait for a connection would get errors instead of time."""
    monkeypatch.setattr(engine, "POOL_SECONDS", 0.5)
    with Forwarder(postgres.port, delay=0.005) as way:
        store = PostgresStore(database.replace(f":{postgres.port}/", f":{way.port}/"), connections=1)
        names = [f"{number}.csv" for number in range(12)]
        assert upload(store, store.register("front"), names) == names
        store.close()


def test_pgbouncer_that_pools_sessions_is_fine(database, postgres):
    """Who has a pooler in front of the database could not use smsfs, or would lose what it listens to."""
    with PgBouncer(postgres, "session") as pooler:
        store, other = PostgresStore(pooler.url(database)), PostgresStore(pooler.url(database))
        owner = store.register("front")
        names = [f"{number}.csv" for number in range(12)]
        assert upload(store, owner, names) == names
        while store.changed(0.1):
            pass
        with ThreadPoolExecutor(1) as threads:
            hearing = threads.submit(store.changed, BOUND)
            began = time.monotonic()
            upload(other, other.register("front"), ["more.csv"])
            assert hearing.result()
            assert time.monotonic() - began < BOUND / 2
        store.close()
        other.close()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pgbouncer_that_pools_less_is_refused(database, postgres, mode):
    """Statements that other processes prepared, and locks of other sessions, would come up at random."""
    with PgBouncer(postgres, mode) as pooler, pytest.raises(ConfigurationError, match="pool_mode = session"):
        PostgresStore(pooler.url(database))


def test_pgbouncer_that_changes_its_mode_is_found(database, postgres, monkeypatch):
    """A pooler that was set otherwise under a running server would mix up its sessions."""
    monkeypatch.setattr(engine, "POOL_SECONDS", 1.0)
    with PgBouncer(postgres, "session") as pooler:
        store = PostgresStore(pooler.url(database))
        owner = store.register("front")
        pooler.change_mode("transaction")
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smsfs'"
        )
        with pytest.raises(ConfigurationError, match="pool_mode = session"):
            PostgresStore(pooler.url(database))
        with pytest.raises(StoreUnavailable, match="pool_mode = session"):
            wait_for(lambda: not keep_two(store), "a second session", BOUND)
        assert owner
        store.close()


def keep_two(store):
    """Use two connections at once."""
    with ThreadPoolExecutor(2) as threads, store._database.reading():
        return threads.submit(store.alive).result()


def test_a_change_whose_session_was_ended_is_done_again(database, postgres):
    """A client's upload would fail because another host took its own for dead for a moment."""
    store, lives = PostgresStore(database), []

    @again
    def step():
        with store._database.write() as connection:
            lives.append(connection.session.info.backend_pid)
            connection.change("owner_end", owner=0)
            if len(lives) == 1:
                postgres.execute(f"SELECT pg_terminate_backend({lives[0]})")
            connection.change("owner_end", owner=0)
        return "done"

    assert step() == "done"
    assert len(set(lives)) == 2
    store.close()
