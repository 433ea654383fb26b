"""The ledger of thousands of kills."""

import json

import click
import pytest
from attrs import evolve
from click.testing import CliRunner

from tests.support import kills
from tests.support.kills import Round, add, main, read, total

SOUND = Round(seed=7, kills=100, files=30, rows=2000, doubled=4)


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    """A night's work would be forgotten, or counted twice."""
    ledger = tmp_path / "ledger"
    assert read(ledger) == []
    rounds = [SOUND, evolve(SOUND, seed=8, lost=1, fault="pytest ended with status 1")]
    for each in rounds:
        add(ledger, each)
    assert read(ledger) == rounds
    assert {*json.loads(ledger.read_text().splitlines()[0])} >= {"seed", "kills", "lost", "unrecorded"}


def test_a_round_that_was_being_noted_is_run_again(tmp_path):
    """After a power cut the ledger would be of no more use."""
    ledger = tmp_path / "ledger"
    add(ledger, SOUND)
    with ledger.open("ab") as file:
        file.write(b'{"seed": 8, "ki')
    assert read(ledger) == [SOUND]
    add(ledger, SOUND)
    assert read(ledger) == [SOUND, SOUND]


def test_another_file_is_no_ledger(tmp_path):
    """A file of something else would be appended to, or end in a traceback."""
    (tmp_path / "letter").write_text("Dear all,\n")
    with pytest.raises(click.ClickException, match="is no ledger"):
        read(tmp_path / "letter")
    assert (tmp_path / "letter").read_text() == "Dear all,\n"


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 0), ({"lost": 1}, 1), ({"unrecorded": 1}, 1), ({"fault": "pytest ended with status 1"}, 1)],
)
def test_one_loss_of_ten_thousand_kills_shows_in_the_last_line_and_the_status(tmp_path, change, status):
    """A nightly job would be green though rows were lost."""
    ledger = tmp_path / "ledger"
    for seed in range(99):
        add(ledger, evolve(SOUND, seed=seed))
    add(ledger, evolve(SOUND, seed=12345, **change))
    done = CliRunner().invoke(main, ["--ledger", str(ledger)])
    assert done.exit_code == status, done.output
    assert done.output.startswith("10,000 kills, 3,000 files, 200,000 rows: ")
    assert ("SMSFS_SEED=12345" in done.output) == bool(status)
    assert len(done.output.splitlines()) == 1


def test_a_round_that_cannot_run_is_no_sound_one(tmp_path, monkeypatch):
    """A job that tested nothing would be green."""
    monkeypatch.setattr(kills, "TEST", "tests/crash/test_kill.py::no_such_test")
    done = kills.run_round(1, 1, tmp_path / "ledger")
    assert not done.is_sound
    assert (tmp_path / "ledger.1.log").exists()
    assert "1" in total([done])
