"""Texts from persons, as a command line and standard input bring them to a simulated carrier."""

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence

import click

from smsfs.cli.terminal import err

#: From, to and text.
Mo = tuple[str, str, str]
Send = Callable[[str, str, str], None]


def text_option(value: str) -> Mo | None:
    """One of ``--mo``; None for standard input.

    Raises:
        BadParameter: it is neither.
    """
    found = _mo(value)
    if found is None and value != "-":
        raise click.BadParameter(f"{value!r} is not FROM:TO:TEXT.")
    return found


def send_texts(texts: Sequence[Mo | None], send: Send) -> None:
    """Send texts from the running event loop; where one is None, those of standard input follow."""
    for text in texts:
        if text:
            send(*text)
    if None in texts:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_read_texts, args=(loop, send), daemon=True).start()


def _read_texts(loop: asyncio.AbstractEventLoop, send: Send) -> None:
    for number, line in enumerate(sys.stdin, 1):
        if text := _mo(line.rstrip("\n")):
            loop.call_soon_threadsafe(send, *text)
        elif line.strip():
            err.print(
                f"smsfs: Line {number} of standard input is not FROM:TO:TEXT; it was passed over.",
                markup=False,
            )


def _mo(line: str) -> Mo | None:
    fields = line.split(":", 2)
    return (fields[0], fields[1], fields[2]) if len(fields) == 3 else None  # noqa: PLR2004 - see Mo
