"""What a command takes along when it starts: scripts call some of them hundreds of times."""

import subprocess
import sys

import pytest

from smsfs.cli import COMMANDS, LOGGING

#: Modules that take a good part of the time of a start.
HEAVY = ("structlog", "asyncio", "rich", "cattrs", "aiohttp", "asyncssh", "psycopg", "smsfs.filesystem")


def _taken(program, *modules):
    """Those of the modules that a program has imported at its end."""
    shown = f"import sys; print(*[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{shown}"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in LOGGING])
def test_a_command_that_logs_nothing_starts_light(command):
    """A script that lists files every second would keep a processor busy."""
    program = f"from smsfs import cli\ncli.cli.get_command(None, {command!r})"
    assert not _taken(program, *HEAVY)


@pytest.mark.parametrize("command", sorted(LOGGING))
def test_a_command_that_logs_leaves_rich_out(command):
    """Each worker would take rich along, which it never uses."""
    program = f"from smsfs import cli\ncli.cli.get_command(None, {command!r})"
    assert _taken(program, "rich", "structlog") == ["structlog"]


def test_a_dispatcher_takes_along_the_carriers_that_there_are():
    """An outbox would cost the memory of an HTTP client and of an SMPP client."""
    program = "import smsfs.pipeline.dispatch.start"
    assert not _taken(program, "aiohttp", "smsfs.backends.smpp", "smsfs.backends.http")


def test_the_version_is_shown_without_the_store():
    """A package manager's check would wait for all of smsfs."""
    program = "from smsfs import cli\ntry:\n    cli.main(['--version'])\nexcept SystemExit:\n    pass"
    assert _taken(program, "smsfs.config", "smsfs.store", "attrs")[4:] == []
