"""Intake: submitted files become stored messages, or are rejected with their causes.

Each step is one transaction, and every one of them can be the last before a crash: messages are staged
unseen, and one commit at the end queues them and gives the file its verdict. A file that was being read
when its reader died is read again from the start, to the same messages.
"""

import io
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import BinaryIO, cast

import structlog
from attrs import evolve, field, frozen

from smsfs.backends import routing
from smsfs.backends.measuring import Measure, Tongues
from smsfs.dialects import PAUSES, Dialect, Upload
from smsfs.dialects.settings import settings_of
from smsfs.errors import (
    Cause,
    DiskFull,
    Ignored,
    ReadOnly,
    StoreDamaged,
    StoreUnavailable,
    Unreadable,
)
from smsfs.pipeline.free_names import show_free
from smsfs.pipeline.intake.chosen import chosen, not_known
from smsfs.pipeline.intake.sorter import Reading, Sorter, Work
from smsfs.pipeline.intake.verdicts import already_sent, complete, kept_causes, log_verdict, shown
from smsfs.pipeline.setback import Setback
from smsfs.states import FileState
from smsfs.store import (
    Account,
    Batch,
    CreditUsedUpError,
    Lane,
    NewFile,
    NewSlice,
    Process,
    Resend,
    StaleOwnerError,
    Store,
    Verdict,
    ensure_held,
)

STAGE_SLICES = 20
HEAD_BYTES = 65_536
READ_BYTES = 262_144
#: When a file is read again for whose reports the disk had no room.
ROOM_SECONDS = 10.0

log = structlog.get_logger()


class ReaderSpentError(Exception):
    """A file took all memory of this process; it has been dealt with, and another process goes on."""


@frozen
class IntakeRules:
    """``retry_seconds`` apart, ``max_failures`` times again; ``default_backend`` is a route.

    ``tongues`` are the national tables of those backends that use some, by name.
    """

    default_backend: str
    retry_seconds: float = 1800
    max_failures: int = 5
    tongues: Mapping[str, Tongues] = field(factory=dict)


class Intake:
    """Reads submitted files.

    Args:
        store: where they are.
        owner: this process.
        dialect: finds a dialect by name.
        rules: retries and the default backend.
    """

    def __init__(
        self, store: Store, owner: Process, dialect: Callable[[str], Dialect], rules: IntakeRules
    ) -> None:
        self._store = store
        self._owner = owner
        self._dialect = dialect
        self._rules = rules
        self._setback = Setback(store, rules.retry_seconds)

    def step(self) -> bool:
        """Read the whole of the next file that is due; return whether there was one.

        Raises:
            StoreUnavailable: the store is away, or was for too long; this reader has to end.
        """
        batch = self.claim()
        for _ in self.reading(batch) if batch else ():
            pass
        return batch is not None

    def mind_clock(self) -> None:
        """Let no file wait because the clock was ahead.

        Raises:
            StoreUnavailable: the store is away.
        """
        self._setback.step()

    def claim(self, lane: Lane | None = None) -> Batch | None:
        """Take the next file that is due, of one account and size if they are given.

        Raises:
            LeaseLostError: the store was away for too long.
            StoreUnavailable: as for ``step``.
        """
        ensure_held(self._store, self._owner)
        self.mind_clock()
        return self._store.queue.claim_batch(self._owner, self._store.now(), lane)

    def reading(self, batch: Batch) -> Generator[None, None, None]:
        """Read a file that was claimed; whenever this yields, another may be read.

        Raises:
            StoreUnavailable: as for ``step``.
            ReaderSpentError: the file takes more memory than a reader has.
        """
        try:
            yield from self._try(batch)
        except StaleOwnerError as exc:
            log.warning("stale_write", batch=batch.id, file=batch.path, reason=str(exc))

    def give_back(self, batch: Batch) -> None:
        """Give back a file that was not read to its end, after its ``reading`` was closed."""
        with suppress(StaleOwnerError):
            self._store.queue.release_batch(batch.id, self._owner)

    def _try(self, batch: Batch) -> Iterator[None]:
        """Read a file, unless its reader died over it too often."""
        if batch.failures > self._rules.max_failures:
            self._give_up(batch, batch.failures, "its reader crashed")
            return
        try:
            yield from self._read(batch)
        except (StaleOwnerError, StoreUnavailable, StoreDamaged):
            raise
        except (DiskFull, ReadOnly) as exc:  # its reports cannot be written; that says nothing about the file
            log.warning("no_room", batch=batch.id, file=batch.path, reason=str(exc), again_in=ROOM_SECONDS)
            again_at = self._store.now() + ROOM_SECONDS
            self._store.queue.retry_batch(batch.id, self._owner, again_at, counts=False)
            return
        except MemoryError:
            pass  # what reading took is free again only once this clause is left
        except Exception as exc:
            log.exception("intake_failed", batch=batch.id, file=batch.path, failures=batch.failures + 1)
            self._failed(batch, exc)
            return
        else:
            return
        self._too_large(batch)
        raise ReaderSpentError("A file took all memory that this process may have.")

    def _work(self, batch: Batch) -> Work:
        account = self._store.accounts.get(batch.account)
        file = self._store.files.view().get(batch.file) if batch.file else None
        if account is None or file is None:
            raise LookupError(f"batch {batch.id} has lost its account or file")
        dialect = self._dialect(account.dialect)
        own = settings_of(dialect, account.settings)
        settings = {**own, "optouts": self._keeps_list(account), PAUSES: True}
        return Work(batch, account, file, dialect, settings)

    def _keeps_list(self, account: Account) -> bool:
        """Whether those who have opted out are not written to: a connector's account decides it too."""
        parent = self._store.accounts.get(account.parent) if account.parent else None
        both = [settings_of(self._dialect(each.dialect), each.settings) for each in (account, parent) if each]
        return any(settings["optouts"] for settings in both)

    def _read(self, batch: Batch) -> Iterator[None]:
        work, reading = self._work(batch), Reading()
        raw = self._store.contents.open_read(work.file.content)
        with cast("BinaryIO", io.BufferedReader(raw, READ_BYTES)) as stream:
            size = work.dialect.client_size(stream, work.file.size)
            resend = self._store.resends.of(batch.id)
            digest = _digest(stream, size, resend)
            earlier = self._twin(work, digest)
            if batch.resends is not None and resend is None:
                reading.last(not_known(batch.resends))
            elif earlier:
                reading.last(already_sent(earlier))
            else:
                yield from self._read_rows(work, stream, size, reading, resend)
            reading.head = _head(stream, size)
        good = self._is_good(work, reading)
        verdict = Verdict("", self._store.now(), size=size, digest=digest)
        if reading.ignored:
            self._ignore(work, reading, verdict)
        elif good:
            self._accept(work, reading, evolve(verdict, state=work.dialect.accepted))
        else:
            self._conclude(work, reading, evolve(verdict, state=FileState.REJECTED))

    def _read_rows(
        self, work: Work, stream: BinaryIO, size: int, reading: Reading, resend: Resend | None
    ) -> Iterator[None]:
        stream.seek(0)
        routes = routing.parse(work.settings["backend"] or self._rules.default_backend)
        sorter = Sorter(self._store, self._owner, work, reading, routes)
        measure = Measure(routes, self._rules.tongues)
        settings = {**work.settings, "measure": measure}
        try:
            rows = work.dialect.read(Upload(stream, size, work.submission, settings, work.submitted))
            rows = chosen(rows, resend) if resend else rows
            for slice_ in sorter.slices(map(measure.row, rows) if measure.matters else rows):
                if slice_:
                    self._stage(work, reading, slice_)
                else:
                    yield
        except Ignored as exc:
            reading.ignored = True
            reading.last(exc.cause)
        except Unreadable as exc:
            reading.last(exc.cause)

    def _stage(self, work: Work, reading: Reading, slice_: NewSlice) -> None:
        """Store slices, many in one commit; the last ones come with the verdict."""
        if len(reading.rest) == STAGE_SLICES:
            self._store.queue.stage(work.batch.id, self._owner, reading.rest)
            reading.rest = []
        reading.rest.append(slice_)

    @staticmethod
    def _is_good(work: Work, reading: Reading) -> bool:
        if reading.cause_count and not work.dialect.skips_bad_rows(work.settings):
            return False
        good = bool(reading.messages or (reading.refused and work.dialect.accepted is FileState.CONSUMED))
        if not good and not reading.unreadable:
            reading.last(Cause("no message is left to send", code=work.dialect.code_for("nothing to send")))
        return good

    # -- how reading ends ------------------------------------------------------------------------------

    def _accept(self, work: Work, reading: Reading, verdict: Verdict) -> None:
        messages, results = reading.messages + reading.refused, work.settings["results"]
        sent = evolve(verdict, messages=messages, cost=reading.cost, results=results)
        try:
            self._conclude(work, reading, sent)
        except CreditUsedUpError as exc:
            reading.last(Cause(str(exc), code=work.dialect.code_for("credits")))
            self._conclude(work, reading, evolve(verdict, state=FileState.REJECTED))

    def _ignore(self, work: Work, reading: Reading, verdict: Verdict) -> None:
        """Leave the file where it is: it is not meant for this account."""
        left = evolve(verdict, path=work.file.path, **kept_causes(reading))
        self._store.queue.ignore(work.batch.id, self._owner, left)
        log.warning("ignored", account=work.account.name, file=work.file.path, cause=str(reading.causes[0]))

    def _conclude(self, work: Work, reading: Reading, verdict: Verdict) -> None:
        """Give the file its verdict, under the first path that is free, and its reports beside it."""
        verdict = complete(work, reading, verdict)

        def show(path: str, files: list[NewFile]) -> None:
            seen = evolve(verdict, path=path, reports=files)
            if verdict.state is FileState.REJECTED:
                self._store.queue.reject(work.batch.id, self._owner, seen)
            else:
                self._store.queue.accept(work.batch.id, self._owner, seen, reading.rest)
            log_verdict(work, seen)

        show_free(self._store.contents, shown(work, reading, verdict), show)

    def _twin(self, work: Work, digest: bytes) -> Batch | None:
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

    def _too_large(self, batch: Batch) -> None:
        """A file that took all memory is read once more, by a process that has done nothing else."""
        log.error("reader_out_of_memory", batch=batch.id, file=batch.path)
        if not batch.crashes:
            self._store.queue.crashed(batch.id, self._store.now(), surely=False)
            self._store.queue.release_batch(batch.id, self._owner)
            return
        cause = (
            "reading it takes more memory than the server has for one file; nothing was sent. "
            "Split it into smaller files"
        )
        self._reject(batch, Cause(cause))
        log.error("gave_up", batch=batch.id, file=batch.path, reason="it takes too much memory")

    def _give_up(self, batch: Batch, failures: int, reason: str) -> None:
        """Reject a file that cannot be read through no fault of its own, with a cause the client can read."""
        cause = Cause(
            f"the server failed {failures} times to read the file and gives up; nothing was sent. "
            f"The operator finds the reason in the log under batch {batch.id}"
        )
        try:
            self._reject(batch, cause)
        except (StaleOwnerError, StoreUnavailable, StoreDamaged):
            raise
        except Exception:  # its account is gone, or has rules that are not known here: others come first
            log.exception("not_given_up", batch=batch.id, file=batch.path)
            later = self._store.now() + self._rules.retry_seconds
            self._store.queue.retry_batch(batch.id, self._owner, later)
        else:
            log.error("gave_up", batch=batch.id, file=batch.path, reason=reason)

    def _reject(self, batch: Batch, cause: Cause) -> None:
        """Reject a file with a cause of the server's own."""
        work, reading = self._work(batch), Reading()
        reading.last(evolve(cause, code=work.dialect.code_for("internal")))
        reading.head = self._head(work)
        verdict = Verdict("", self._store.now(), size=work.file.size, state=FileState.REJECTED)
        self._conclude(work, reading, verdict)

    def _head(self, work: Work) -> bytes:
        try:
            return self._store.contents.read(work.file.content, 0, min(HEAD_BYTES, work.file.size))
        except OSError:  # perhaps this is what reading failed for
            return b""


def _digest(stream: BinaryIO, size: int, resend: Resend | None) -> bytes:
    """A hash of the client's bytes; another one for rows that an operator sends again on purpose."""
    stream.seek(0)
    digest = blake2b(digest_size=32, key=b"batch %d" % resend.batch if resend else b"")
    while size > 0 and (block := stream.read(min(READ_BYTES, size))):
        digest.update(block)
        size -= len(block)
    return digest.digest()


def _head(stream: BinaryIO, size: int) -> bytes:
    stream.seek(0)
    return stream.read(min(HEAD_BYTES, size))
