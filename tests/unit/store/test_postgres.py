"""What only the store on PostgreSQL has: schemas of two releases at once, leases by its own clock."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from queue import Queue

import psycopg
import pytest
from structlog.testing import capture_logs

from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.store import NewReceipt, NewReplyPart, Outcome, SliceReport
from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql import database as engine
from smsfs.store.sql import inbound, load_migrations
from tests.support.server import wait_for
from tests.support.store_suite.inbound import never

CSV = b"msisdn,message\n4512345678,Hello\n4512345679,Again\n"
KNOWN = len(load_migrations("smsfs.store.postgresql"))


def send(store):
    """A file's whole life; the events recorded about its messages."""
    owner = store.register("test")
    account = store.accounts.find("shop") or store.accounts.add("shop", "gatewayapi", {}, store.now())
    files = Filesystems(store, owner, dialect).of(account)
    draft = files.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CSV)
    draft.close()
    files.rename("a.csv", f"{owner.id}.csv.ready", replace=False)
    assert Intake(store, owner, dialect, IntakeRules("outbox")).step()
    claimed = store.queue.claim_slice(owner, "outbox", store.now() + 1, oldest=True)
    outcomes = [Outcome(row, "accepted", store.now()) for row in (1, 2)]
    assert store.queue.record(owner, [SliceReport(claimed, outcomes, done=True)]) == []
    return [item.event for item in store.queue.outcomes(claimed.batch, 1, 2)]


def next_schema(database, steps):
    """What the first half of a later release's migration may do, so many times."""
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for step in range(KNOWN + 1, KNOWN + 1 + steps):
            for (table,) in tables:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN later_{step} TEXT")
            connection.execute(f"CREATE TABLE later_{step} (id BIGINT)")
            connection.execute("INSERT INTO schema_version (version) VALUES (%s)", (step,))


def test_this_release_works_on_the_schema_of_the_next(database):
    """Upgrading one host of a pair would stop the other."""
    PostgresStore(database).close()
    next_schema(database, 1)
    store = PostgresStore(database)
    assert send(store) == ["accepted", "accepted"]
    store.close()


def test_a_schema_of_two_releases_on_is_refused(database):
    """Old code would write rows that the new one cannot read."""
    PostgresStore(database).close()
    next_schema(database, 2)
    with pytest.raises(ConfigurationError, match=f"has schema {KNOWN + 2}, this smsfs knows {KNOWN}: "):
        PostgresStore(database)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_for_some_letters_only_is_refused(postgres, encoding):
    """The first reply in Greek could not be stored, and the carrier would send it for ever."""
    postgres.execute(f"CREATE DATABASE {encoding} ENCODING {encoding} LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConfigurationError, match=f"has the encoding {encoding}, "):
        PostgresStore(postgres.url(encoding.lower()))


def test_names_are_kept_whatever_the_environment_says(database, monkeypatch):
    """Where PostgreSQL clients speak another encoding, no file with such a name could be uploaded."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    store = PostgresStore(database)
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())
    with store.files.change(account.id) as files:
        files.add(account.id, "Ήβη.csv", store.contents.create(), store.now())
    assert [file.name for file in store.files.all()] == ["Ήβη.csv"]
    store.close()


def stand_still(store, database, rows):
    """Write, and stand still in the midst of it until another has what was locked."""
    with store._database.write() as held:
        held.plain.execute("SELECT * FROM account FOR UPDATE")
        held.bulk("receipt_drop", ({"id": number} for number in range(rows)))
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SET lock_timeout = '60s'")
            other.execute("SELECT * FROM account FOR UPDATE")
        held.plain.execute("SELECT 1")


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_a_host_that_stands_still_lets_go_of_its_locks(database, monkeypatch, rows):
    """Where a host was suspended amid a write, the other could not take its messages over for hours."""
    monkeypatch.setattr(engine, "STANDSTILL_SECONDS", 1)
    store = PostgresStore(database)
    store.accounts.add("shop", "gatewayapi", {}, store.now())
    with pytest.raises(StoreUnavailable, match="idle-in-transaction timeout"):
        stand_still(store, database, rows)
    store.close()


def test_a_lost_lease_is_followed_by_a_new_term(database):
    """A host that was out of touch would write as before, or never again."""
    store = PostgresStore(database, lease=1.0, margin=0.4)
    first = store.register("front")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE owner SET until = 0 WHERE id = %s", (first.id,))
        wait_for(lambda: not store.holds(first), "the lease to be given up")
    second = store.current(first)
    assert (second.kind, second.id > first.id, store.holds(second)) == ("front", True, True)
    assert store.current(first) == second
    assert not store.holds(first)
    store.close()


def test_a_lease_is_not_trusted_longer_than_it_can_last(database, postgres):
    """Two hosts would send the same messages while one cannot reach the database."""
    store = PostgresStore(database, lease=1.0, margin=0.4)
    owner = store.register("dispatch")
    name = database.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 -- our own name
    cut_off = time.monotonic()
    wait_for(lambda: not store.holds(owner), "the lease to end by itself")
    wait_for(lambda: time.monotonic() > cut_off + 1.5, "the lease to end in the database")
    postgres.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    wait_for(lambda: _is_new(store, owner), "a new term once the database is back")
    store.close()


def _is_new(store, owner):
    try:
        return store.current(owner).id > owner.id
    except OSError:
        return False


def test_leases_are_handed_back_at_the_end(database):
    """After a planned stop the other host would wait for leases to run out."""
    leaving, staying = PostgresStore(database, lease=60), PostgresStore(database, lease=60)
    owner = leaving.register("dispatch")
    assert owner.id in staying.alive()
    leaving.close()
    assert owner.id not in staying.alive()
    staying.close()


def test_a_host_that_is_lost_is_told_once(database):
    """Nobody would hear that a host of the pair is gone, or hear it every second."""
    with closing(PostgresStore(database)) as staying, closing(PostgresStore(database)) as lost:
        for kind in ("front", "dispatch"):
            lost.register(kind)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE owner SET until = 1")
        with capture_logs() as log:
            staying.settle()
            staying.settle()
    told = [line["processes"] for line in log if line["event"] == "host_lost"]
    assert [sorted(kinds) for kinds in told] == [["dispatch", "front"]]


def test_uploads_on_many_threads_do_not_wait_for_each_others_connections(database):
    """Many clients at once would lock the server up, each waiting for a second connection."""
    store = PostgresStore(database)
    owner = store.register("front")
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())
    files = Filesystems(store, owner, dialect).of(account)

    def upload(number):
        draft = files.open(f"{number}.csv", os.O_WRONLY | os.O_CREAT)
        draft.write(0, CSV)
        draft.close()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(files.listdir("/")) == 32
    store.close()


def test_a_process_that_has_surely_ended_is_dead_at_once(database):
    """A file in the hands of a reader that was killed would wait for the end of its lease."""
    store, other = PostgresStore(database, lease=60), PostgresStore(database, lease=60)
    account = store.accounts.add("shop", "gatewayapi", {}, store.now())
    files = Filesystems(store, store.register("front"), dialect).of(account)
    draft = files.open("a.csv", os.O_WRONLY | os.O_CREAT)
    draft.write(0, CSV)
    draft.close()
    files.rename("a.csv", "a.csv.ready", replace=False)
    reader = other.register("intake", "the one")
    assert other.queue.claim_batch(reader, other.now())
    assert store.settle(ended="another") == 0
    assert store.settle(ended="the one") == 1
    (batch,) = store.queue.batches()
    assert (batch.state, batch.failures) == ("pending", 0)
    assert batch.not_before <= store.now()
    store.close()
    other.close()


def part(text, number):
    """One of two parts of a reply."""
    return NewReplyPart("out", "4512345678", "2929", text, 1.0, reference=7, part=number, total=2)


def test_parts_that_come_by_two_hosts_at_once_are_joined(database, monkeypatch):
    """A long reply would be shown a day later: neither host saw the other's part."""
    one, two = PostgresStore(database), PostgresStore(database)
    met = threading.Barrier(2, timeout=20)
    receive = inbound.receive_parts

    def together(*given):
        replies = receive(*given)
        met.wait()  # neither has committed yet
        return replies

    with monkeypatch.context() as patched, ThreadPoolExecutor(2) as threads:
        patched.setattr(inbound, "receive_parts", together)
        pair = [(one, part("Hello ", 1)), (two, part("there", 2))]
        calls = [threads.submit(store.inbound.receive, [], [item], never) for store, item in pair]
        assert [call.result().replies for call in calls] == [[], []]
    assert [reply.text for reply in two.inbound.match(2.0, 10, never).replies] == ["Hello there"]
    assert len(list(one.inbound.replies())) == 1
    one.close()
    two.close()


def test_receipts_that_another_host_looks_at_are_left_to_it(database):
    """Two hosts would record a receipt twice, or wait for each other."""
    one, two = PostgresStore(database), PostgresStore(database)
    one.inbound.receive([NewReceipt("out", "c1", None, "delivered", 1.0)], [], never)
    with one._database.write() as connection:
        assert len(connection.all("receipt_due", now=9.0, limit=10)) == 1
        with two._database.write() as other:
            assert other.all("receipt_due", now=9.0, limit=10) == []
    one.close()
    two.close()


def hold(store, held, go, done):
    """Take a connection, and when told a second one; tell how far that got."""
    try:
        with store._database.reading():
            held.put(True)
            assert go.wait(60)
            with store._database.reading() as second:
                done.put(second.one("now"))
    except StoreUnavailable as exc:
        (done if go.is_set() else held).put(exc)


def test_threads_with_a_connection_get_a_second(database, monkeypatch):
    """At a busy moment all uploads would wait for each other, and fail."""
    store, held, done, go = PostgresStore(database), Queue(), Queue(), threading.Event()
    monkeypatch.setattr("smsfs.store.postgresql.database.POOL_SECONDS", 0.1)  # of waiting for a first one
    threads, got = [], True
    while got is True:
        threads.append(threading.Thread(target=hold, args=(store, held, go, done)))
        threads[-1].start()
        got = held.get(timeout=60)
    go.set()
    ended = [done.get(timeout=60) for _ in threads[:-1]]
    for thread in threads:
        thread.join(60)
    assert not [what for what in ended if isinstance(what, StoreUnavailable)]
    assert "all connections were in use" in str(got)
    store.close()


def test_a_command_that_may_not_make_tables_makes_none(database):
    """A slip in the URL would fill another program's database with tables because somebody looked."""
    with pytest.raises(
        ConfigurationError, match=r"has no tables of smsfs\. smsfs serve and smsfs account add"
    ):
        PostgresStore(database, make=False)
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == []


def test_a_listing_upgrades_no_tables(database):
    """The tables of a running older host would change beneath it, because somebody looked."""
    PostgresStore(database).close()
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM schema_version WHERE version = %s", (KNOWN,))
    with pytest.raises(ConfigurationError, match=f"has schema {KNOWN - 1}, this smsfs needs {KNOWN}: "):
        PostgresStore(database, make=False)


@pytest.mark.parametrize(
    "table",
    ["schema_version (version TEXT)", "schema_version (installed INT)", "schema_version (version INT)"],
)
def test_another_programs_table_of_versions_is_left_alone(database, table):
    """Another program would take smsfs's numbers for its own, and skip its migrations."""
    with psycopg.connect(database) as connection:
        connection.execute(f"CREATE TABLE {table}")
        connection.execute("INSERT INTO schema_version VALUES ('4')")
    for make in (True, False):
        with pytest.raises(ConfigurationError, match="another program's table schema_version"):
            PostgresStore(database, make=make)


@pytest.mark.parametrize("code", ["XX001", "XX002", "58P01", "58030"])
def test_damage_of_the_database_is_told_as_damage(database, code):
    """A broken page would be told as a database that is away for now, and nobody would look at its disk."""
    store = PostgresStore(database)
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION 'invalid page in block 3' USING ERRCODE = '{code}'; END $$"
        )
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON account EXECUTE FUNCTION broken()")
    assert store.damaged() is None
    with pytest.raises(StoreDamaged, match=r"damaged: fail over to a standby.*invalid page in block 3"):
        store.accounts.add("shop", "gatewayapi", {}, store.now())
    assert "invalid page" in store.damaged().what
    assert store.accounts.all() == [], "other pages are sound"
    store.close()


def test_a_lease_taken_while_the_clock_was_ahead_ends(database):
    """What a dead process holds would wait for a day, if the database's clock was set back since."""
    with closing(PostgresStore(database)) as store:
        dead, alive = store.register("dead"), store.register("alive")
        store._trusted.pop(dead.id)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE owner SET until = until + 86400")
            left = "SELECT id, until - extract(epoch FROM clock_timestamp()) FROM owner ORDER BY id"
            store._beat(alive.id)
            (_, first), (_, second) = connection.execute(left).fetchall()
    assert 30 < first <= 60
    assert second <= 10
