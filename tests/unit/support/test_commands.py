"""Commands that are forked behave as those that a user starts."""

import subprocess

import pytest

from tests.support.commands import commands
from tests.support.server import Installation

PASSWORD = "a password\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin"],
        ["account", "add", "a/b", "--dialect", "gatewayapi"],
        ["files", "--nope"],
        ["check", "--help"],
    ],
)
def test_a_command_does_what_it_does_on_its_own(tmp_path, arguments):
    """Tests would show what no user sees."""
    (tmp_path / "forked").mkdir()
    (tmp_path / "own").mkdir()
    forked, own = Installation(tmp_path / "forked"), Installation(tmp_path / "own")
    command = own.command(*arguments)
    expected = subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=False)
    done = forked.run(*arguments, text=PASSWORD, check=False)
    assert done.returncode == expected.returncode
    assert (done.stdout, done.stderr.replace("/forked/", "/own/")) == (expected.stdout, expected.stderr)
    if "clinic" in arguments:
        assert [row["name"] for row in forked.rows("account", "list")] == ["clinic"]


def test_a_command_that_takes_too_long_is_noticed(tmp_path):
    """A test would hang."""
    with pytest.raises(subprocess.TimeoutExpired):
        commands().run(["files", "-c", str(Installation(tmp_path).configuration)], "", 0.0001)
