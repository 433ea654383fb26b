"""Every statement goes along an index: none reads a table that grows from end to end.

SQLite's planner does not look at how many rows there are; PostgreSQL's does, so its tables are filled first.
"""

import re
from contextlib import closing

import pytest

from smsfs.store.postgresql import PostgresStore
from smsfs.store.postgresql.connection import SQL as POSTGRES_SQL
from smsfs.store.sqlite import SqliteStore
from smsfs.store.sqlite.connection import SQL as SQLITE_SQL

ROWS = 20_000
#: As many rows as there are accounts, processes, backends or hosts, or fewer.
SMALL = frozenset(
    [
        "account",
        "account_key",
        "aside",
        "backend_credit",
        "backend_pause",
        "backend_state",
        "credit",
        "host_key",
        "leader",
        "operator",
        "owner",
        "poll",
        "run",
        "usage",
        "web_session",
        "worker_state",
        "writer",
        "sqlite_sequence",
    ]
)
#: Statements that may read a whole table, and why.
WHOLE = {
    "ban_all": "the addresses that are shut out now; bans that are over are deleted",
    "ban_expire": "the same",
    "figures_bans": "the same",
    "ban_several": "the same",
    "waits_bans": "the same",
    "file_contents": "once an hour all contents are held against all files",
    "content_orphans": "the same",
    "content_missing": "smsfs fsck looks at everything",
    "file_all": "smsfs files lists everything",
    "receipt_waiting": "it counts the receipts that nobody's messages belong to",
    "waits_aliases": "a clock was set back, which nobody does twice a day",
    "waits_batches": "the same",
    "waits_results": "the same",
}
#: Indexes of the rows that still have something to wait for, which may be read from end to end.
OPEN = frozenset(
    {"reply_part_open", "result_until", "slice_claimed", "slice_held", "slice_open", "slice_stopped"}
)
VALUES = {
    **dict.fromkeys(("account", "principal", "lane", "owner", "dead", "row", "attempt"), 3),
    **dict.fromkeys(("batch", "slice", "file", "reply", "writer", "id", "outcome", "parent", "entry"), 777),
    **dict.fromkeys(("now", "before", "until", "at", "overdue", "older_than"), 50),
    **dict.fromkeys(("retry_at", "pause_at", "mail_at", "match_at", "expires", "ahead"), 3e9),
    **dict.fromkeys(("backend", "target", "chain", "name", "path", "stem", "content", "key", "kind"), "x7"),
    **dict.fromkeys(("event", "address", "dialect", "sender", "what", "token", "line", "day"), "x7"),
    **dict.fromkeys(("idle", "oldest"), 40.0),
    **dict.fromkeys(("tail", "empty", "messages", "data", "digest", "text", "sought"), b"x"),
    **dict.fromkeys(("done", "hidden"), True),
    **dict.fromkeys(("keys", "addresses"), '["x7"]'),
    **dict.fromkeys(("accounts", "msisdns", "recipients", "ids", "rows"), "[7]"),
    "state": "processing",
    "folder": "",
    "first": 1,
    "last": 500,
    "first_row": 1,
    "last_row": 500,
    "since": 40,
    "contents": ["x7"],
    "msisdn": 4500000007,
    "recipient": "4500000007",  # a number in one table and a text in another
}
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
#: Twenty accounts, of whom all have about as much; a thousandth of it is on its way.
FILL = (
    "INSERT INTO account (name, dialect, created) {n} SELECT 'a' || i, 'gatewayapi', 0 FROM n WHERE i <= 20",
    "INSERT INTO content {n} SELECT 'x' || i, 9, i FROM n",
    "INSERT INTO piece {n} SELECT 'x' || i, 0, 'x' FROM n",
    """INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
    {n} SELECT 1 + i % 20, '', 'x' || i, CASE i % 1000 WHEN 0 THEN 'processing' ELSE 'success' END,
        'x' || i, 9, i, CASE i % 1000 WHEN 0 THEN NULL ELSE i END FROM n""",
    """INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, finished, lane)
    SELECT account, id, name, name, '[]', 'accepted', mtime, mtime, finished, 2 * account FROM file""",
    """INSERT INTO slice
        (batch, seq, first_row, last_row, size, state, backend, not_before, expires, principal)
    SELECT id, 0, 1, 2, 2, CASE id % 1000 WHEN 0 THEN 'queued' WHEN 1 THEN 'claimed' ELSE 'done' END,
        'x7', 1, 9e9, account FROM batch""",
    "INSERT INTO recipients SELECT id, 'xyz7' FROM slice",
    """INSERT INTO audit (at, who, origin, verb, target, options)
    {n} SELECT i, 'x', 'x', 'x', 'x', '' FROM n""",
    """INSERT INTO orders (batch, action, first_row, last_row, at, audit)
    SELECT id, 'hold', 1, 2, 1, id FROM batch""",
    "INSERT INTO resend SELECT id, id, '[]', 1, 'x', 'x', 1, id FROM batch",
    "INSERT INTO payload SELECT id, 'x' FROM slice",
    """INSERT INTO outcome (batch, row, slice, attempt, event, carrier_id, at, recipient)
    SELECT id, 1, id, 1, 'accepted', 'x' || id, not_before, 4500000000 + id FROM slice""",
    """INSERT INTO outcome (batch, row, slice, attempt, event, at)
    SELECT id, 1, id, 1, 'delivered', id FROM slice""",
    "INSERT INTO result (batch, final) SELECT id, CASE id % 1000 WHEN 0 THEN 0 ELSE 1 END FROM batch",
    "INSERT INTO claim SELECT account, path, id, submitted FROM batch",
    """INSERT INTO notice (account, batch, kind, address, due, sent)
    SELECT account, id, 'verdict', 'x7', 1, CASE id % 1000 WHEN 0 THEN NULL ELSE 1 END FROM batch""",
    "INSERT INTO alias SELECT account, name, id, id FROM file",
    """INSERT INTO receipt (backend, carrier_id, event, code, reason, at, due)
    {n} SELECT 'x7', 'u' || i, 'delivered', '', '', i, i FROM n""",
    """INSERT INTO reply (backend, sender, recipient, text, whole, at, account, shown)
    {n} SELECT 'x7', '45', '29', 'x', 1, i, CASE i % 21 WHEN 0 THEN NULL ELSE i % 21 END, 1 FROM n""",
    """INSERT INTO reply_part (backend, sender, recipient, reference, part, total, text, at, reply)
    SELECT 'x7', '45' || id, '29', 0, 1, 1, 'x', at, CASE id % 1000 WHEN 0 THEN NULL ELSE id END
    FROM reply""",
    "INSERT INTO optout SELECT 1 + id % 20, id, 0, 'x' FROM reply",
    "INSERT INTO login_failure SELECT 'x' || id, id FROM reply",
    "INSERT INTO ban SELECT 'x' || id, 0, id, '' FROM reply",
    "INSERT INTO daily_report SELECT 1 + id % 20, id FROM reply",
    """INSERT INTO audit (at, who, origin, verb, target, options)
    SELECT id, 'x7', 'x', 'file hold', 'x', '{{}}' FROM reply""",
    """INSERT INTO orders (batch, action, first_row, last_row, at, audit)
    SELECT id, 'hold', 1, 2, id, id FROM batch""",
)
#: Names that stand for something else in one statement.
OWN_VALUES = {
    "audit_page": {"before": 777},
    "order_add": {"recipient": 777},
    "resend_add": {"origin": 777, "messages": 1},
    "resend_origin": {"origin": 777},
    "order_apply": {"since": 1},
    "batch_verdict": {"messages": 5},
}
NAME = re.compile(r"%\((\w+)\)s|:(\w+)")
PLAN = re.compile(r"Seq Scan on (?!pg_|batch_id_seq)(\w+)")


def values_of(name, sql):
    """A value for each name in a statement; what is not listed is 1, which can be of any type."""
    names = {first or second for first, second in NAME.findall(sql)}
    known = VALUES | OWN_VALUES.get(name, {})
    return {each: known.get(each, 1) for each in names}


def untyped(values):
    """Values of which PostgreSQL finds out itself what they are."""
    return {name: value if isinstance(value, list | bytes) else str(value) for name, value in values.items()}


def tables_of(sql):
    """What each name of a table or an alias stands for."""
    found = re.findall(r"(?:FROM|JOIN|UPDATE|INTO|,) (\w+)(?: AS)?(?: ([a-z]\w*))?", sql)
    return {alias: table for table, alias in found if alias} | {table: table for table, _ in found}


def scans_of_sqlite(connection, name):
    """The tables and indexes that a statement reads from end to end."""
    sql = SQLITE_SQL[name]
    tables = tables_of(sql)
    rows = connection.plain.execute(f"EXPLAIN QUERY PLAN {sql}", values_of(name, sql))
    for detail in [row["detail"] for row in rows]:
        found = re.match(r"SCAN (\w+)(?: USING(?: COVERING)? INDEX (\w+))?", detail)
        if found and "VIRTUAL TABLE" not in detail:
            yield found[2] or tables.get(found[1], found[1])


def growing(connection):
    """The tables and the indexes of SQLite that may grow without end."""
    rows = connection.plain.execute("SELECT name, tbl_name FROM sqlite_schema")
    return {row["name"] for row in rows if row["tbl_name"] not in SMALL} - OPEN


def test_sqlite_reads_no_growing_table_whole(tmp_path):
    """After a year each commit would take minutes, with all other writers held up."""
    with closing(SqliteStore(tmp_path / "smsfs.db")) as store, store._database.reading() as connection:
        large = growing(connection)
        found = {name: large.intersection(scans_of_sqlite(connection, name)) for name in SQLITE_SQL}
    assert {name: tables for name, tables in found.items() if tables and name not in WHOLE} == {}


@pytest.mark.slow
def test_postgresql_reads_no_growing_table_whole(database):
    """The database that a pair shares would read all rows of all accounts to find a few."""
    with closing(PostgresStore(database)) as store:
        with store._database.write() as connection:
            for statement in FILL:
                connection.plain.execute(statement.format(n=NUMBERS.format(rows=ROWS)))
        with store._database.reading() as connection:
            connection.plain.execute("VACUUM ANALYZE")
        with store._database.write() as connection:
            plans = {
                name: connection.plain.execute(f"EXPLAIN {sql}", untyped(values_of(name, sql))).fetchall()
                for name, sql in POSTGRES_SQL.items()
                if not sql.startswith("COPY")
            }
    found = {name: set(PLAN.findall(str(plan))) - SMALL for name, plan in plans.items()}
    assert {name: tables for name, tables in found.items() if tables and name not in WHOLE} == {}


def test_the_exceptions_are_statements_that_there_are():
    """An exception for a statement that is gone would excuse a new one of its name."""
    assert set(WHOLE) - set(SQLITE_SQL) - set(POSTGRES_SQL) == set()
