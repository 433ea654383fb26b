"""Checks of a store, each fault made on purpose."""

import os
import sqlite3

import pytest

from smsfs.pipeline.fsck import faults, repair
from smsfs.pipeline.reports.results import REPORTS, ResultWriter


@pytest.fixture
def sql(house, tmp_path):
    """Change the database behind smsfs's back."""

    def sql(statement):
        connection = sqlite3.connect(tmp_path / "smsfs.db", isolation_level=None)
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(statement).rowcount != 0
        connection.close()

    del house
    return sql


@pytest.fixture
def number(house):
    """A file whose messages are queued, beside one in flight and one that was rejected."""
    number = house.accept(600)
    house.submit(b"msisdn,message\nnobody,x\n", "bad")
    assert house.intake().step()
    house.submit(b"x", "flying")
    return number


def test_whole_store_has_no_faults(house, number):
    """An operator would be sent after faults that are none."""
    assert house.batch(number).messages == 600
    assert list(faults(house.store)) == []
    assert repair(house.store) == []


def test_missing_bytes_are_named(house, number):
    """Lost bytes would go unnoticed until the customer asks for them."""
    file = house.file(number)
    house.store.contents.delete([file.content])
    assert list(faults(house.store)) == [f"The bytes of file {file.path} (number {file.id}) are missing."]


def test_bytes_without_a_file_are_found_and_deleted(house, number, tmp_path, clock):
    """Remains of crashes would fill the disk, or an upload that just began be deleted."""
    assert number
    old, young = house.store.contents.create(), house.store.contents.create()
    os.utime(tmp_path / "contents" / old, (clock.now - 3601, clock.now - 3601))
    os.utime(tmp_path / "contents" / young, (clock.now, clock.now))
    assert list(faults(house.store)) == ["1 contents belong to no file; --repair deletes them."]
    assert repair(house.store) == ["1 contents without a file deleted."]
    assert list(faults(house.store)) == []
    assert house.store.contents.size(young) == 0


def test_file_that_nobody_reads_is_named(house, number, sql):
    """A file would be stuck in flight, and nobody know."""
    assert number
    sql("DELETE FROM batch WHERE stem = 'flying'")
    (fault,) = faults(house.store)
    assert fault.startswith("File flying.")
    assert fault.endswith("is processing, but nothing will read it.")


@pytest.mark.parametrize(
    ("statement", "stored"),
    [
        ("DELETE FROM slice WHERE seq = 1", 500),
        ("UPDATE batch SET messages = 599 WHERE state = 'accepted'", 600),
    ],
)
def test_lost_messages_are_named(house, number, sql, statement, stored):
    """Accepted messages would be missing, and nobody know."""
    sql(statement)
    found = [fault for fault in faults(house.store) if fault.startswith(f"Batch {number} ")]
    assert len(found) == 1
    assert f"{stored} are stored" in found[0]


def test_doubled_messages_are_named(house, number, sql):
    """Accepted messages would leave twice, and nobody know."""
    columns = "batch, first_row, last_row, size, state, backend, not_before, expires"
    sql(f"INSERT INTO slice (seq, {columns}) SELECT 9, {columns} FROM slice WHERE seq = 1")  # noqa: S608 -- our own
    sql(
        "INSERT INTO payload SELECT twin.id, messages FROM payload JOIN slice ON slice.id = payload.slice "
        "JOIN slice AS twin ON twin.seq = 9 WHERE slice.seq = 1"
    )
    (fault,) = faults(house.store)
    assert fault.startswith(f"Batch {number} ")
    assert fault.endswith("has 600 messages, but 700 are stored.")


def test_messages_of_other_rows_are_named(house, number, sql):
    """The messages of some rows would leave twice, those of others never, and nobody know."""
    sql("UPDATE payload SET messages = (SELECT messages FROM payload ORDER BY slice LIMIT 1)")
    (fault,) = faults(house.store)
    assert f"100 messages of batch {number} " in fault
    assert "is damaged: there are 500;" in fault


def test_dangling_rows_are_named(house, number, sql):
    """Damage within the database would go unnoticed."""
    assert number
    sql("DELETE FROM account")
    assert any("refers to nothing in account" in fault for fault in faults(house.store))


def test_damaged_database_is_named(house, number, sql, tmp_path):
    """A database with broken pages would be used on."""
    assert number
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "smsfs.db").open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(b"\xff" * 4096 * 2)
    found = list(house.store.damage())
    assert found
    assert all(str(tmp_path / "smsfs.db") in fault for fault in found)


def test_repair_lets_go_for_the_dead(house, elsewhere, number):
    """After a crash an operator could not set free what was held."""
    assert number
    claimed = elsewhere.store.queue.claim_batch(elsewhere.owner, house.store.now())
    elsewhere.store.close()
    assert repair(house.store) == ["1 dead processes let go of what they held."]
    assert house.batch(claimed.id).state == "pending"


def test_result_files_in_the_making_are_no_fault(house, sql):
    """An operator would be sent after files that wait for receipts, or not hear of one that is forgotten."""
    house.accept(1, results=True)
    assert house.store.lead(house.owner, REPORTS)
    assert ResultWriter(house.store, house.owner).step()
    assert list(faults(house.store)) == []
    sql("DELETE FROM result")
    (fault,) = faults(house.store)
    assert "File results/a" in fault
