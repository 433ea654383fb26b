"""What is shown on a terminal, and the exit statuses: what each command needs, whatever it does."""

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.sms.quoting import escaped

if TYPE_CHECKING:
    from rich.console import Console

#: Exit status that says: the store was away, and nothing is wrong; start me again.
TEMPORARY = os.EX_TEMPFAIL
#: Exit status that says: the store is damaged, and starting again does not help.
DAMAGED = os.EX_IOERR


class _Terminal:
    """Standard output or error: a line for each text, without what would steer a terminal.

    rich writes what has colours or marks; it is imported then only.
    """

    def __init__(self, *, error: bool = False) -> None:
        self._error = error

    @cached_property
    def console(self) -> "Console":
        """What rich writes with."""
        from rich.console import Console  # noqa: PLC0415 -- most commands write without it

        return Console(stderr=self._error, highlight=False, emoji=False)

    @property
    def is_terminal(self) -> bool:
        """Whether someone looks on."""
        return (sys.stderr if self._error else sys.stdout).isatty()

    def print(self, text: str, *, markup: bool = True, end: str = "\n", style: str = "") -> None:
        """Print as rich does, escaped; a text may hold what others wrote."""
        text = escaped(text)
        if self.is_terminal or (markup and "[" in text):
            self.console.print(text, markup=markup, end=end, style=style, soft_wrap=True)
        else:
            click.echo(text + end, nl=False, err=self._error)


out = _Terminal()
err = _Terminal(error=True)


def exit_status(exc: Exception) -> int:
    """What a command ends with when this is why."""
    if isinstance(exc, StoreDamaged):
        return DAMAGED
    return TEMPORARY if isinstance(exc, StoreUnavailable) else 1
