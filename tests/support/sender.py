"""Clients that send files over SFTP whatever happens to the servers, and what must have come of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import asyncssh
from attrs import define, field, frozen

SIZES, WEIGHTS = [1, 5, 20, 60, 1500], [5, 5, 5, 3, 1]
DRAFT_CHANCE = 0.1
PAUSE = 0.02

Row = tuple[str, int]  #: the file it was sent in, and its number there from 1
_Step = Callable[[str, int], Awaitable[None]]


@define
class Sender:
    """A client that sends one file after the other, to several servers of the same files as to one.

    Attributes:
        name: its files' names begin so.
        logins: for ``asyncssh.connect``, one for each server. A file goes to any of them, its rename too.
        chance: sizes, servers, and which files are never renamed.
        patience: seconds after which an attempt is given up.
        rows: submitted file -> number of its rows.
        drafts: files that it uploaded without renaming them.
        told: files whose rename was answered with OK.
    """

    name: str
    logins: Sequence[Mapping[str, Any]]
    chance: random.Random
    patience: float = 30.0
    rows: dict[str, int] = field(factory=dict)
    drafts: set[str] = field(factory=set)
    told: set[str] = field(factory=set)
    _sessions: dict[int, tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]] = field(factory=dict)

    async def run(self, over: asyncio.Event) -> None:
        """Send until ``over`` is set; the last file is sent to its end."""
        for number in count():
            if over.is_set():
                break
            name = f"{self.name}-{number}.csv"
            size = self.chance.choices(SIZES, WEIGHTS)[0]
            if self.chance.random() < DRAFT_CHANCE:
                self.drafts.add(name)
                await self._insist(self._upload, name, size)
            else:
                self.rows[name] = size
                await self._insist(self._submit, name, size)
        await self._close()

    async def _insist(self, step: _Step, name: str, size: int) -> None:
        """Try until it is done; after an error it may be done all the same, so a new connection looks."""
        for attempt in count():
            try:
                async with asyncio.timeout(self.patience):
                    if attempt == 0 or not await self._is_submitted(name):
                        await step(name, size)
            except (OSError, asyncssh.Error):
                await self._close()
                await asyncio.sleep(PAUSE)
            else:
                return

    async def _session(self) -> asyncssh.SFTPClient:
        """A session with any of the servers."""
        server = self.chance.randrange(len(self.logins))
        if server not in self._sessions:
            connection = await asyncssh.connect(**self.logins[server])
            try:
                self._sessions[server] = connection, await connection.start_sftp_client()
            except BaseException:
                connection.abort()
                raise
        return self._sessions[server][1]

    async def _close(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for connection, _ in sessions.values():
            connection.abort()
            await connection.wait_closed()

    async def _is_submitted(self, name: str) -> bool:
        sftp = await self._session()
        return any(str(found).startswith(f"{name}.2") for found in await sftp.listdir())

    async def _upload(self, name: str, size: int) -> None:
        lines = ["msisdn,message,userref", *(f"4512{row:06},Row {row},{name}" for row in range(1, size + 1))]
        file = await (await self._session()).open(name, "wb")
        await file.write("\n".join(lines).encode())
        await file.close()  # not when writing failed: the server may not answer that either

    async def _submit(self, name: str, size: int) -> None:
        await self._upload(name, size)
        await (await self._session()).rename(name, f"{name}.ready")
        self.told.add(name)


@frozen
class Tally:
    """What several senders sent, held against what left.

    Attributes:
        files: how many were submitted.
        rows: how many they held.
        lost: rows that did not leave.
        strange: rows that left, but were never sent.
        doubled: rows that left more than once.
        silent: those of them that are not recorded as doubled.
    """

    files: int
    rows: int
    lost: frozenset[Row]
    strange: frozenset[Row]
    doubled: frozenset[Row]
    silent: frozenset[Row]

    @property
    def is_sound(self) -> bool:
        """Whether everything left, and nothing twice in silence."""
        return not (self.lost or self.strange or self.silent)

    def __str__(self) -> str:
        recorded = len(self.doubled) - len(self.silent)
        return (
            f"{self.files} files, {self.rows} rows, {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {recorded} of them recorded"
        )


def tally(
    senders: Iterable[Sender], sent: Iterable[Mapping[str, Any]], messages: Iterable[Mapping[str, Any]]
) -> Tally:
    """Hold what was sent against the messages that left and those that the store has.

    Args:
        senders: with every file they submitted.
        sent: what backends received, as lines of outboxes.
        messages: as from ``smsfs messages --json``.
    """
    files = {name: size for sender in senders for name, size in sender.rows.items()}
    rows = {(name, row) for name, size in files.items() for row in range(1, size + 1)}
    times = Counter((message["userref"], message["row"]) for message in sent)
    doubled = {row for row, number in times.items() if number > 1}
    recorded = {(message["userref"], message["row"]) for message in messages if message["doubled"]}
    return Tally(
        files=len(files),
        rows=len(rows),
        lost=frozenset(rows - times.keys()),
        strange=frozenset(times.keys() - rows),
        doubled=frozenset(doubled),
        silent=frozenset(doubled - recorded),
    )
