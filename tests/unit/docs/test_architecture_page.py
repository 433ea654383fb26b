"""The page that shows a newcomer the house, against the house."""

import re

from tests.support.architecture import HOUSE, PAGE, ROOT, floors, imports, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_picture_is_up_to_date():
    """A newcomer would look for a room where it was a year ago."""
    assert page(TEXT) == TEXT, "run: python -m tests.support.architecture"


def test_every_room_has_a_floor():
    """What stands on no floor could import upwards, and be imported by any."""
    assert {room for floor in floors() for room in floor} == imports(HOUSE).keys()


def test_files_that_are_named_are_there():
    """A newcomer would look for a file that has moved, or change the wrong one."""
    named = set(re.findall(r"`((?:smsfs|tests|packaging|docs)/[\w./-]+)`", TEXT))
    assert len(named) > 25
    there = {name for name in named if (ROOT / name).exists() or (ROOT / f"{name}.py").exists()}
    assert named - there == set()


def test_ten_changes_have_a_place():
    """A newcomer would search for where to begin."""
    rows = [line for line in TEXT.partition("## Ten changes")[2].splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for row in rows:
        _, what, where, _ = row.split("|")
        files = [name for name in re.findall(r"`(\S+)`", where) if (ROOT / name).exists()]
        assert what.strip().endswith("."), row
        assert where.strip().endswith("."), row
        assert files, row
