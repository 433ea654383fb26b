"""``smsfs simulator`` in a process of its own: an SMSC whose time is not the test's."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from smsfs.simulator import Received
from tests.support.commands import started
from tests.support.server import wait_for


class Smsc:
    """A simulator with a ledger in ``folder``; it may be run again, on the port that it had.

    Attributes:
        port: where it listens on loopback; 0 before it first ran.
        ledger: the file, to which each run appends.
    """

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self.ledger = folder / "ledger.jsonl"
        self._output = folder / "simulator.out"
        self._offset = self._lines = 0
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[Self]:
        """Run it, with options of the command."""
        command = [sys.executable, "-m", "smsfs", "simulator", "--ledger", str(self.ledger)]
        with (
            self._output.open("w", encoding="utf-8") as output,
            started(
                [*command, "--port", str(self.port), *options],
                exact="-" in options,  # a forked one has no standard input
                stdin=subprocess.PIPE if "-" in options else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                line = wait_for(lambda: self._output.read_text(encoding="utf-8"), "the simulator")
                assert line.startswith("ready smpp "), line
                self.port = int(line.split()[2].rpartition(":")[2])
                self._process = process
                yield self
            finally:
                process.terminate()

    def send(self, source: str, destination: str, text: str) -> None:
        """A person writes; it runs with ``--mo -``."""
        if self._process and self._process.stdin:
            self._process.stdin.write(f"{source}:{destination}:{text}\n".encode())
            self._process.stdin.flush()

    def count(self) -> int:
        """How many messages the ledger has; each byte is looked at once."""
        if self.ledger.exists():
            with self.ledger.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
            self._offset += len(data)
            self._lines += data.count(b"\n")
        return self._lines

    def received(self) -> list[Received]:
        """What the ledger has, without a line that is being written."""
        data = self.ledger.read_bytes() if self.ledger.exists() else b""
        lines = data[: data.rfind(b"\n") + 1].splitlines()
        return [msgspec.json.decode(line, type=Received) for line in lines]
