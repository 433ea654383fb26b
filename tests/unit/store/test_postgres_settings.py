"""Databases that are set otherwise than smsfs needs, roles that may less, and what is said of it."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, DiskFull, StoreConflict, StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.store import Outcome, SliceReport
from smsfs.store.again import again
from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql import database as engine
from smsfs.store.postgresql.database import migrate
from tests.support.postgres import PostgresServer
from tests.support.server import free_ports, wait_for

CSV = b"msisdn,message\n4512345678,Hello\n"
BOUND = 60.0
HOSTILE = {
    "default_transaction_isolation": "serializable",
    "search_path": "nowhere",
    "statement_timeout": "1s",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "10ms",
    "timezone": "Pacific/Auckland",
    "datestyle": "SQL, DMY",
    "client_encoding": "LATIN1",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "synchronous_commit": "off",
}


def send(store):
    """A file's whole life; the events recorded about its message."""
    owner = store.register("test")
    account = store.accounts.find("shop") or store.accounts.add("shop", "gatewayapi", {}, store.now())
    files = Filesystems(store, owner, dialect).of(account)
    draft = files.open("Ήβη.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CSV)
    draft.close()
    files.rename("Ήβη.csv", f"{owner.id}.csv.ready", replace=False)
    assert Intake(store, owner, dialect, IntakeRules("outbox")).step()
    claimed = store.queue.claim_slice(owner, "outbox", store.now() + 1, oldest=True)
    assert store.queue.record(owner, [SliceReport(claimed, [Outcome(1, "accepted", 1.25)], done=True)]) == []
    return [(item.event, item.at) for item in store.queue.outcomes(claimed.batch, 1, 1)]


def shown(store, *names):
    """Settings as a session of the store has them."""
    with store._database.reading() as connection:
        rows = connection.plain.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(names),)
        ).fetchall()
    return {row["name"]: row["setting"] for row in rows}


@pytest.mark.parametrize("tables", [False, True])
def test_a_database_set_otherwise_does_no_harm(postgres, database, tables):
    """Half of all steps would fail, or commits be lost, where the database has defaults for another use."""
    if tables:
        PostgresStore(database).close()
    name = database.rpartition("/")[2]
    for key, value in HOSTILE.items():
        postgres.execute(f"ALTER DATABASE {name} SET {key} = '{value}'")
    store = PostgresStore(database)
    assert send(store) == [("accepted", 1.25)]
    isolation, commits = "default_transaction_isolation", "synchronous_commit"
    timeouts = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    assert shown(store, isolation, commits) == {isolation: "read committed", commits: "on"}
    assert set(shown(store, *timeouts).values()) == {"0", f"{engine.STANDSTILL_SECONDS}000"}
    assert shown(store, "tcp_keepalives_idle", "tcp_user_timeout") == {
        "tcp_keepalives_idle": "5",
        "tcp_user_timeout": "10000",
    }
    (warning,) = store.concerns(1)
    assert "synchronous_commit is off" in warning
    store.close()


def test_a_schema_that_the_url_names_is_taken(database):
    """Two installations in one database would share their messages."""
    PostgresStore(database).close()
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA second")
    store = PostgresStore(f"{database}?options=-csearch_path%3Dsecond")
    store.accounts.add("shop", "gatewayapi", {}, store.now())
    store.close()
    first = PostgresStore(database)
    assert first.accounts.find("shop") is None
    first.close()


@pytest.fixture
def plain_role(postgres, database):
    """The URL of the database for a role that may log in, and nothing else."""
    name = f"plain_{database.rpartition('_')[2][:8]}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    yield database.replace("//postgres@", f"//{name}@"), name
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


def test_a_role_that_may_make_no_tables_works_once_they_are_there(database, plain_role):
    """Who lets no server change the schema of its database could not use smsfs."""
    url, name = plain_role
    with pytest.raises(ConfigurationError, match=rf"no tables of smsfs.*{name} may not make.*store migrate"):
        PostgresStore(url)
    migrate(database, name)
    store = PostgresStore(url)
    assert send(store) == [("accepted", 1.25)]
    store.close()
    with psycopg.connect(database) as connection:
        connection.execute(
            "DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)"
        )
    with pytest.raises(ConfigurationError, match=r"has schema .* as their owner, postgres"):
        PostgresStore(url)


def test_a_right_that_is_missing_is_told(database, plain_role):
    """The operator would look for a network fault, where a GRANT was forgotten."""
    url, name = plain_role
    migrate(database, name)
    with psycopg.connect(database) as connection:
        connection.execute(f"REVOKE INSERT ON owner FROM {name}")
    store = PostgresStore(url)
    with pytest.raises(StoreUnavailable, match=r"lacks a right.*permission denied for table owner"):
        store.register("front")
    store.close()


def test_commands_that_read_work_on_a_standby():
    """While the primary is away nobody could look at what was sent."""
    with contextlib.ExitStack() as stack:
        primary = PostgresServer()
        stack.callback(primary.stop)
        url = primary.new_database()
        store = PostgresStore(url)
        send(store)
        store.close()
        standby = PostgresServer(source=primary)
        stack.callback(standby.stop)
        there = PostgresStore(standby.url(url.rpartition("/")[2]))
        stack.callback(there.close)
        (batch,) = there.queue.batches()
        assert [item.event for item in there.queue.outcomes(batch.id, 1, 1)] == ["accepted"]
        assert there.changed(0.05) is False
        assert there.alive() == {}
        with pytest.raises(StoreUnavailable, match=r"read-only now .*standby"):
            there.register("front")


def test_a_database_that_was_set_read_only_is_told(postgres, database):
    """Uploads would fail with a sentence about a network that is well."""
    store = PostgresStore(database)
    owner = store.register("front")
    store.touch(owner)
    store.close()
    postgres.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET default_transaction_read_only = on")
    store = PostgresStore(database)
    with pytest.raises(StoreUnavailable, match="read-only now"):
        store.touch(owner)
    assert store.alive() == {}
    store.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: url.replace("//postgres@", "//nobody@"), 'does not let smsfs in .*"nobody"'),
        (lambda url: f"{url}_gone", "no such database .*make it with createdb"),
    ],
)
def test_what_lasts_is_told_at_once(database, change, sentence):
    """A mistyped user or database would be waited for, and told as one that does not answer."""
    with pytest.raises(StoreUnavailable, match=sentence) as told:
        PostgresStore(change(database))
    assert "does not answer" not in str(told.value)


def test_only_what_does_not_answer_is_said_not_to(monkeypatch):
    """The operator would not know which of many faults it is."""
    monkeypatch.setattr(engine, "POOL_SECONDS", 0.2)
    (port,) = free_ports(1)
    with pytest.raises(StoreUnavailable, match="does not answer now"):
        PostgresStore(f"postgresql://postgres@127.0.0.1:{port}/smsfs")


@pytest.mark.parametrize(
    ("state", "kind", "sentence"),
    [
        ("40001", StoreConflict, "Two changes met"),
        ("40P01", StoreConflict, "Two changes met"),
        ("53100", DiskFull, "disk of the database is full"),
        ("57014", StoreUnavailable, "told to cancel"),
        ("42P01", StoreUnavailable, "run smsfs store migrate"),
    ],
)
def test_each_fault_has_its_own_sentence(database, state, kind, sentence):
    """All faults would look the same, and none would tell what to do."""
    store = PostgresStore(database)
    with pytest.raises(kind, match=sentence) as told, store._database.write() as connection:
        connection.plain.execute(f"DO $$ BEGIN RAISE 'so it is' USING ERRCODE = '{state}'; END $$")
    assert isinstance(told.value, StoreUnavailable)
    assert "so it is" in str(told.value)
    store.close()


FAILING = """
CREATE SEQUENCE fault;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('fault') <= {times} THEN RAISE 'so it is' USING ERRCODE = '{state}'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fail AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail();
"""


@pytest.mark.parametrize(
    ("state", "table"),
    [("40001", "slice"), ("53100", "slice"), ("40P01", "outcome"), ("40P01", "batch"), ("53100", "alias")],
)
def test_what_may_pass_is_tried_again(database, state, table):
    """A moment's trouble of the database would be an error to a client, or end a worker."""
    store = PostgresStore(database)
    with psycopg.connect(database) as connection:
        connection.execute(FAILING.format(times=2, state=state, table=table))
    assert send(store) == [("accepted", 1.25)]
    store.close()


def test_two_changes_that_lock_each_other_both_go_through(database):
    """Two clients that met would have one of them told of a failure."""
    store = PostgresStore(database, connections=4)
    accounts = [store.accounts.add(name, "gatewayapi", {}, store.now()) for name in ("one", "two")]
    met = threading.Barrier(2, timeout=BOUND)

    @again
    def change(first, second):
        with store.files.change(first.id) as files:
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait()
            met.abort()  # the second time nobody is met
            with store._database.reading() as connection:
                connection.one("account_lock", account=second.id)
            return files.usage(first.id)

    with ThreadPoolExecutor(2) as threads:
        jobs = [threads.submit(change, *pair) for pair in (accounts, accounts[::-1])]
        assert [job.result() for job in jobs] == [(0, 0), (0, 0)]
    store.close()


def test_a_change_that_failed_in_part_fails_whole(database):
    """A client would be told OK for a change that PostgreSQL had thrown away with a part of it."""
    store = PostgresStore(database)
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())

    def change():
        with store.files.change(account.id) as files:
            files.add(account.id, "a.csv", store.contents.create(), store.now())
            with contextlib.suppress(psycopg.Error), store._database.reading() as connection:
                connection.plain.execute("SELECT 1 / 0")

    with pytest.raises(StoreUnavailable, match="so did the whole"):
        change()
    assert list(store.files.all()) == []
    store.close()


#: The sessions whose commit waits for a standby.
WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def waiting(server, threads, change):
    """Make a change; it, if it waits for a standby: right after a reload it may not yet."""
    made = threads.submit(change)
    wait_for(lambda: made.done() or server.execute(f"SELECT pid {WAITING}"), "the change or its wait", BOUND)
    return made if not made.done() else made.result()


def test_what_was_cut_off_from_the_standby_is_not_acknowledged():
    """An administrator's cancel would let go on what only one disk has, and the client be told OK."""
    server = PostgresServer()
    try:
        store = PostgresStore(server.new_database(), lease=600)
        account = store.accounts.add("shop", "gatewayapi", {}, store.now())
        server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.execute("SELECT pg_reload_conf()")
        disable = partial(store.accounts.set_disabled, account.id, disabled=True)
        with ThreadPoolExecutor(1) as threads:
            change = wait_for(lambda: waiting(server, threads, disable), "a commit that waits", BOUND)
            server.execute(f"SELECT pg_cancel_backend(pid) {WAITING}")
            with pytest.raises(StoreUnavailable, match="wait for the standby was cancelled"):
                change.result()
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf()")
        store.close()
    finally:
        server.stop()
