"""What is logged while a test runs: what people should look at, and nobody expects, is a fault.

A test names the events it expects with the marker ``logs``; errors of any test in a folder are in the fixture
``may_log`` of its conftest.py, warnings of any test in ``MAY_WARN`` of tests/conftest.py. What a server logs
may be written while the next test runs on it, so it keeps what it was ever expected to log.
"""

import contextlib
import json
import re
from collections.abc import Collection

import pytest
from attrs import frozen

from tests.support.server import Program

LEVELS = ("warning", "error", "critical")
_FOR_PEOPLE = re.compile(rf"^\S+ \[({'|'.join(LEVELS)}) *\] (\S+)")


@frozen
class Event:
    """A log event that people should look at.

    Attributes:
        level: one of ``LEVELS``.
        name: of the event; of a sentence, its first word.
        line: what shows it.
    """

    level: str
    name: str
    line: str


def named(request: pytest.FixtureRequest) -> set[str]:
    """The events that a test names."""
    return {name for marker in request.node.iter_markers("logs") for name in marker.args}


def event_of(line: str) -> Event | None:
    """The event that a line of a log shows, if people should look at it."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if found.get("level") in LEVELS:
                return Event(found["level"], str(found.get("event")), line)
    elif matched := _FOR_PEOPLE.match(line):
        return Event(matched[1], matched[2], line)
    elif line.startswith("Traceback"):
        return Event("critical", "Traceback", line)
    return None


def unexpected(expected: Collection[str]) -> list[Event]:
    """What was logged since the last call, and is expected neither now nor was before of the same program."""
    found: list[Event] = []
    for program in list(Program.watched):
        program.expected.update(expected)
        events = filter(None, map(event_of, program.new_lines()))
        found += [event for event in events if event.name not in program.expected]
        if program.process.poll() is not None:
            Program.watched.remove(program)
    return found
