"""What servers log is noticed."""

import sys

import pytest

from tests.support.server import Installation, Program
from tests.support.watch import event_of, unexpected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"worker": "intake", "event": "worker_ended", "level": "error"}', ("error", "worker_ended")),
        ('{"event": "login", "level": "info"}', None),
        ('{"event": "cut off', None),
        ("2026-01-01T00:00:00Z [critical ] store_damaged  reason=x", ("critical", "store_damaged")),
        ("2026-01-01T00:00:00Z [info     ] [error    ] of a client", None),
        ("Traceback (most recent call last):", ("critical", "Traceback")),
        ("  Traceback", None),
    ],
)
def test_what_people_should_look_at(line, expected):
    """A fault that a server logs would pass unseen through all tests."""
    found = event_of(line)
    assert (found and (found.level, found.name)) == expected


class Fails(Program):
    def __init__(self, installation, line):
        super().__init__(installation, "serve")
        self._command = [sys.executable, "-c", f"import sys; sys.stderr.write({line!r})"]


def test_only_what_is_expected_of_a_server_may_be_logged(tmp_path):
    """A test would pass although the server failed meanwhile."""
    line = '{"event": "job_failed", "level": "error"}\n'
    program = Fails(Installation(tmp_path), line)
    for expected, found in ((), [line.strip()]), ({"job_failed"}, []), ((), []):
        program.launch().process.wait(60)
        assert [event.line for event in unexpected(expected)] == found
