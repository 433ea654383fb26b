"""Intake: submitted files become stored messages, or are rejected with their causes.

Each step is one transaction, and every one of them can be the last before a crash: messages are staged
unseen, and one commit at the end queues them and gives the file its verdict. A file that was being read
when its reader died is read again from the start, to the same messages.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from attrs import define, field, frozen

from smsfs.backends import routing
from smsfs.backends.routing import Chain, Routes
from smsfs.dialects import Dialect, Row, Submission
from smsfs.dialects.settings import settings_of
from smsfs.errors import Cause, StoreUnavailable, Unreadable
from smsfs.sms.message import Message
from smsfs.states import FileState
from smsfs.store import Account, Batch, File, LeaseLostError, NewSlice, Owner, StaleOwnerError, Store, Verdict

SLICE_MESSAGES = 500
#: Messages among which those with the same backends are gathered into slices.
CHUNK_MESSAGES = 5000
STAGE_SLICES = 20
KEPT_CAUSES = 100
HEAD_BYTES = 65_536
READ_BYTES = 262_144

log = structlog.get_logger()


@frozen
class IntakeRules:
    """``retry_seconds`` apart, ``max_failures`` times again; ``default_backend`` is a route."""

    default_backend: str
    retry_seconds: float = 1800
    max_failures: int = 5


@define
class _Reading:
    """What has come of a file so far."""

    messages: int = 0
    causes: list[Cause] = field(factory=list)
    cause_count: int = 0

    def bad(self, cause: Cause) -> None:
        self.cause_count += 1
        if len(self.causes) < KEPT_CAUSES:
            self.causes.append(cause)

    def last(self, cause: Cause) -> None:
        """The cause for which nothing more is read, always among those kept."""
        self.cause_count += 1
        self.causes = [*self.causes[: KEPT_CAUSES - 1], cause]


@frozen
class _Work:
    """One batch, and what is needed to read it."""

    batch: Batch
    account: Account
    file: File
    dialect: Dialect
    settings: dict[str, Any]

    @property
    def submission(self) -> Submission:
        return Submission(self.batch.stem, self.batch.flags)

    def path(self, state: FileState) -> str:
        return self.dialect.path(self.submission, datetime.fromtimestamp(self.batch.submitted, UTC), state)


class Intake:
    """The reader of submitted files.

    Args:
        store: where they are.
        owner: this process.
        dialect: finds a dialect by name.
        rules: retries and the default backend.
    """

    def __init__(
        self, store: Store, owner: Owner, dialect: Callable[[str], Dialect], rules: IntakeRules
    ) -> None:
        self._store = store
        self._owner = owner
        self._dialect = dialect
        self._rules = rules

    def step(self) -> bool:
        """Read the next file that is due; whether there was one.

        Raises:
            StoreUnavailable: the store is away, or was for too long; this reader is through.
        """
        if not self._store.holds(self._owner):
            raise LeaseLostError("This process was out of touch with the store; it goes on under a new term.")
        batch = self._store.queue.claim_batch(self._owner, self._store.now())
        if batch is None:
            return False
        try:
            self._try(batch)
        except StaleOwnerError as exc:
            log.warning("stale_write", batch=batch.id, file=batch.path, reason=str(exc))
        return True

    def _try(self, batch: Batch) -> None:
        """Read a file, unless its reader died over it too often."""
        if batch.failures > self._rules.max_failures:
            self._give_up(batch, batch.failures, "its reader crashed")
            return
        try:
            self._read(batch)
        except (StaleOwnerError, StoreUnavailable):
            raise
        except Exception as exc:
            log.exception("intake_failed", batch=batch.id, file=batch.path, failures=batch.failures + 1)
            self._failed(batch, exc)

    def _work(self, batch: Batch) -> _Work:
        account = self._store.accounts.get(batch.account)
        file = self._store.files.view().get(batch.file) if batch.file else None
        if account is None or file is None:
            raise LookupError(f"batch {batch.id} has lost its account or file")
        dialect = self._dialect(account.dialect)
        return _Work(batch, account, file, dialect, settings_of(dialect, account.settings))

    def _read(self, batch: Batch) -> None:
        work, reading = self._work(batch), _Reading()
        raw = self._store.contents.open_read(work.file.content)
        with cast("BinaryIO", io.BufferedReader(raw, READ_BYTES)) as stream:
            size = work.dialect.client_size(stream, work.file.size)
            digest = _digest(stream, size)
            earlier = self._twin(work, digest)
            if earlier:
                reading.bad(_already_sent(earlier))
            else:
                self._read_rows(work, stream, size, reading)
            tail = _tail(work, stream, size, reading)
        good = reading.messages and (not reading.cause_count or work.settings.get("bad_rows") == "skip")
        state = FileState.SUCCESS if good else FileState.REJECTED
        verdict = Verdict(
            path=work.path(state),
            at=self._store.now(),
            messages=reading.messages if good else 0,
            size=size,
            tail=tail,
            digest=digest,
            causes=reading.causes,
            cause_count=reading.cause_count,
            results=bool(good and work.settings["results"]),
        )
        self._conclude(work, state, verdict)

    def _conclude(self, work: _Work, state: FileState, verdict: Verdict) -> None:
        finish = self._store.queue.accept if state is FileState.SUCCESS else self._store.queue.reject
        finish(work.batch.id, self._owner, verdict)
        log.info(
            "accepted" if state is FileState.SUCCESS else "rejected",
            account=work.account.name,
            file=verdict.path,
            batch=work.batch.id,
            messages=verdict.messages,
            seconds=round(verdict.at - work.batch.not_before, 3),
            **({"causes": verdict.cause_count, "cause": str(verdict.causes[0])} if verdict.causes else {}),
        )

    def _read_rows(self, work: _Work, stream: BinaryIO, size: int, reading: _Reading) -> None:
        stream.seek(0)
        try:
            at = datetime.fromtimestamp(work.batch.submitted, UTC)
            rows = work.dialect.read(stream, size, work.submission, work.settings, at)
            messages = self._good_rows(rows, reading, skip=work.settings.get("bad_rows") == "skip")
            slices = self._slices(work, messages, reading)
            while staged := list(islice(slices, STAGE_SLICES)):
                self._store.queue.stage(work.batch.id, self._owner, staged)
        except Unreadable as exc:
            reading.messages = 0
            reading.last(exc.cause)

    @staticmethod
    def _good_rows(rows: Iterable[Row], reading: _Reading, *, skip: bool) -> Iterator[Message]:
        """The messages, while there is hope that they will be sent; causes are noted to the end."""
        for row in rows:
            if isinstance(row, Cause):
                reading.bad(row)
            elif isinstance(row, Message) and (skip or not reading.cause_count):
                yield row

    def _slices(self, work: _Work, messages: Iterator[Message], reading: _Reading) -> Iterator[NewSlice]:
        routes = routing.parse(work.settings["backend"] or self._rules.default_backend)
        for seq, (chain, chunk) in enumerate(_parts(messages, routes)):
            reading.messages += len(chunk)
            yield NewSlice(
                seq=seq,
                first_row=chunk[0].row,
                last_row=chunk[-1].row,
                size=len(chunk),
                messages=msgspec.msgpack.encode(chunk),
                backend=chain[0],
                chain=",".join(chain) if len(chain) > 1 else "",
                not_before=work.batch.not_before,
                expires=work.batch.submitted + work.settings["validity_seconds"],
            )

    def _twin(self, work: _Work, digest: bytes) -> Batch | None:
        window = work.settings["duplicate_seconds"]
        since = work.batch.submitted - window
        return self._store.queue.twin(work.batch, digest, since) if window else None

    def _failed(self, batch: Batch, exc: Exception) -> None:
        """Try again later, or give up."""
        if batch.failures < self._rules.max_failures:
            not_before = self._store.now() + self._rules.retry_seconds
            self._store.queue.retry_batch(batch.id, self._owner, not_before)
        else:
            self._give_up(batch, batch.failures + 1, str(exc))

    def _give_up(self, batch: Batch, failures: int, reason: str) -> None:
        """Reject a file that cannot be read through no fault of its own, with a cause the client can read."""
        cause = Cause(
            f"the server failed {failures} times to read the file and gives up; nothing was sent. "
            f"The operator finds the reason in the log under batch {batch.id}"
        )
        work = self._work(batch)
        tail = work.dialect.tail(self._head(work), [cause], 1, work.submission)
        verdict = Verdict(
            path=work.path(FileState.REJECTED),
            at=self._store.now(),
            size=work.file.size,
            tail=tail,
            causes=[cause],
            cause_count=1,
        )
        self._conclude(work, FileState.REJECTED, verdict)
        log.error("gave_up", batch=batch.id, file=batch.path, reason=reason)

    def _head(self, work: _Work) -> bytes:
        try:
            return self._store.contents.read(work.file.content, 0, min(HEAD_BYTES, work.file.size))
        except OSError:  # perhaps this is what reading failed for
            return b""


def _parts(messages: Iterator[Message], routes: Routes) -> Iterator[tuple[Chain, list[Message]]]:
    """A slice's worth of messages at a time, with the backends that all of them may leave by.

    The first rows of parts ascend, and parts overlap within ``CHUNK_MESSAGES`` only: whoever puts them in
    order again needs no more memory than that.
    """
    if routes.only:
        while part := list(islice(messages, SLICE_MESSAGES)):
            yield routes.only, part
    while chunk := list(islice(messages, CHUNK_MESSAGES)):
        yield from sorted(_partitioned(chunk, routes), key=lambda part: part[1][0].row)


def _partitioned(chunk: list[Message], routes: Routes) -> Iterator[tuple[Chain, list[Message]]]:
    found: dict[Chain, list[Message]] = defaultdict(list)
    for message in chunk:
        found[routes.chain_for(message.recipient)].append(message)
    for chain, gathered in found.items():
        for start in range(0, len(gathered), SLICE_MESSAGES):
            yield chain, gathered[start : start + SLICE_MESSAGES]


def _digest(stream: BinaryIO, size: int) -> bytes:
    stream.seek(0)
    digest = blake2b(digest_size=32)
    while size > 0 and (block := stream.read(min(READ_BYTES, size))):
        digest.update(block)
        size -= len(block)
    return digest.digest()


def _already_sent(earlier: Batch) -> Cause:
    at = datetime.fromtimestamp(earlier.submitted, UTC)
    return Cause(
        f"a file of this name with the same bytes was accepted at {at:%Y-%m-%d %H:%M:%S} UTC "
        f"as {earlier.path}, so this one is taken for a repeated upload and nothing was sent again; "
        "to send it once more, wait a little or change the file or its name"
    )


def _tail(work: _Work, stream: BinaryIO, size: int, reading: _Reading) -> bytes:
    if not reading.cause_count:
        return b""
    stream.seek(0)
    head = stream.read(min(HEAD_BYTES, size))
    return work.dialect.tail(head, reading.causes, reading.cause_count, work.submission)
