"""Each condition under which a process may write is taken out once; the suite has to notice."""

import itertools
import re
from functools import partial

import pytest

from smsfs.store import postgresql, sqlite
from smsfs.store.postgresql.connection import SQL as POSTGRESQL
from smsfs.store.sql import load_statements
from smsfs.store.sqlite.connection import SQL as SQLITE
from tests.support.store_suite.base import NOW
from tests.support.store_suite.owners import OwnerSuite, StaleSuite
from tests.support.store_suite.results import LeaderSuite
from tests.support.store_suite.trouble import TroubleSuite

CONDITION = re.compile(r"\b(?:owner|attempt|state) (?:=|<>) (?::\w+|%\(\w+\)s|'\w+')")
#: What both engines share is tried on the quicker one.
STATEMENTS = {
    "sqlite": SQLITE,
    "postgresql": {name: POSTGRESQL[name] for name in load_statements("smsfs.store.postgresql")},
}

#: Conditions that only save work, each with the reason why nothing can tell whether they are there.
WITHOUT_EFFECT = {
    ("owner_drop_staged", "state = 'staged'"): "a batch that is being read has no other slices",
    ("owner_drop_staged", "state = 'reading'"): "only a batch that is being read has staged slices",
    ("owner_drop", "owner = :owner"): "a dead owner that is kept for too long is settled once more",
    ("batch_file", "state = 'processing'"): "nothing takes a file from the one who reads it",
    ("batch_claim", "state = 'pending'"): "the same transaction has just seen that it is",
    ("slice_claim", "state = 'queued'"): "the same transaction has just seen that it is",
}

#: Which test notices: it is tried first, the others only if it does not. A wrong one only costs time.
NOTICES = {
    "test_dispatcher_cannot_write_after_its_end": [
        "slice_release state",
        "slice_report state",
    ],
    "test_earlier_attempt_cannot_write_to_a_slice": [
        "slice_release attempt",
        "slice_report attempt",
    ],
    "test_finished_work_of_the_dead_stays": [
        "owner_drop state",
    ],
    "test_reader_cannot_write_after_its_end": [
        "batch_is_mine state",
        "batch_retry state",
        "batch_verdict state",
    ],
    "test_settling_leaves_verdicts_of_the_dead": [
        "owner_release_batches state",
    ],
    "test_settling_touches_only_what_the_dead_held": [
        "owner_cut_files owner",
        "owner_drop_staged owner",
        "owner_drop_writers owner",
        "owner_release_batches owner",
    ],
    "test_stale_leader_shows_nothing": [
        "leader_is owner",
    ],
    "test_stranger_cannot_write_to_a_batch": [
        "batch_is_mine owner",
        "batch_retry owner",
        "batch_verdict owner",
    ],
    "test_stranger_cannot_write_to_a_slice": [
        "slice_release owner",
        "slice_report owner",
    ],
    "test_takeover_needs_the_claim_that_was_seen": [
        "slice_take_over attempt",
        "slice_take_over owner",
        "slice_take_over state",
    ],
    "test_the_dead_are_followed_by_one": [
        "leader_take_over owner",
    ],
    "test_workers_that_do_not_stay_up_are_told": [
        "worker_drop owner",
    ],
}


def _conditions(sql):
    """Where the conditions of a statement stand, behind its first WHERE."""
    where = sql.find("WHERE")
    return [match for match in CONDITION.finditer(sql) if 0 <= where < match.start()]


def _guarded(statements):
    """Statements that write, or let write, under a condition on who does it."""
    pattern = r"WHERE.*\b(owner|attempt|state) = (:|%\()(owner|dead)\b"
    return sorted(name for name, sql in statements.items() if re.search(pattern, sql, re.DOTALL))


def _names(engine):
    more = ["batch_claim", "batch_file", "slice_claim"] if engine == "sqlite" else []
    return [*_guarded(STATEMENTS[engine]), *more]


MUTANTS = [
    (engine, name, match.span(), match.group())
    for engine, statements in STATEMENTS.items()
    for name in _names(engine)
    for match in _conditions(statements[name])
    if (name, match.group()) not in WITHOUT_EFFECT
]


@pytest.fixture
def new_store(engine, request, tmp_path):
    """Makes openers, each of a store of its own."""
    numbers = itertools.count()
    databases = []

    def make():
        if engine == "sqlite":
            return partial(sqlite.SqliteStore, tmp_path / str(next(numbers)) / "smsfs.db")
        databases.append(request.getfixturevalue("postgres").new_database())
        return partial(postgresql.PostgresStore, databases[-1])

    yield make
    for database in databases:
        request.getfixturevalue("postgres").drop_database(database)


def _cases(suite):
    """Each test of a suite with each of its parameters, but for those that start processes."""
    for name, test in vars(suite).items():
        if not name.startswith("test_") or "killed" in name:
            continue
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        choices = [[(mark.args[0], value) for value in mark.args[1]] for mark in marks]
        yield from ((test, dict(chosen)) for chosen in itertools.product(*choices))


def _notices(test, values, opener):
    """Whether a test of the suite fails."""
    opened = []

    def remembered():
        opened.append(opener())
        return opened[-1]

    given = {"store": remembered(), "other": remembered(), "opener": remembered}
    given["account"] = given["store"].accounts.add("shop", "gatewayapi", {}, NOW)
    wanted = test.__code__.co_varnames[1 : test.__code__.co_argcount]
    if "owner" in wanted:
        given["owner"] = given["store"].register("test")
    try:
        test(StaleSuite(), **{name: given[name] for name in wanted if name in given}, **values)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 -- however it notices
        return True
    finally:
        for store in opened:
            store.close()
    return False


@pytest.mark.parametrize(("engine", "name", "span", "condition"), MUTANTS, ids=str)
def test_suite_notices_a_missing_condition(monkeypatch, new_store, engine, name, span, condition):
    """A process that was taken for dead could write over the work of its successor, unnoticed by any test."""
    sql = STATEMENTS[engine][name]
    assert sql[slice(*span)] == condition
    in_use = SQLITE if engine == "sqlite" else POSTGRESQL
    monkeypatch.setitem(in_use, name, sql[: span[0]] + "1 = 1" + sql[span[1] :])
    cases = [*_cases(StaleSuite), *_cases(LeaderSuite), *_cases(OwnerSuite), *_cases(TroubleSuite)]
    missing = f"{name} {condition.split()[0]}"
    cases.sort(key=lambda case: missing not in NOTICES.get(case[0].__name__, ()))
    assert any(_notices(test, values, new_store()) for test, values in cases)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_suite_passes_with_every_condition(new_store):
    """The test above would pass without telling anything."""
    cases = [*_cases(StaleSuite), *_cases(LeaderSuite), *_cases(OwnerSuite), *_cases(TroubleSuite)]
    failed = [(test.__name__, values) for test, values in cases if _notices(test, values, new_store())]
    assert failed == []


def test_every_guarded_statement_is_tried():
    """A statement added later would have a condition that no test holds."""
    tried = {name for _, name, _, _ in MUTANTS}
    assert {name for statements in STATEMENTS.values() for name in _guarded(statements)} - tried == set()
    assert {"batch_verdict", "batch_retry", "batch_is_mine", "slice_report", "slice_take_over"} <= tried
