"""Result files: what became of each message of a file, as a CSV file in its account's folder ``results``.

A version is written whole and brought to stable storage before one transaction shows it, so a reader sees
the old one or the new one. Versions of one file come at a pace that leaves the processor to others, and the
last one at once when nothing more will become of its messages.
"""

import csv
import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import structlog
from attrs import define

from smsfs.dialects.settings import COMMON, DAY, RESULTS_FOLDER
from smsfs.errors import StoreConflict, StoreDamaged, StoreUnavailable
from smsfs.names import MAX_NAME, seconds_from
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.pipeline.setback import Setback
from smsfs.sms.segments import UCS2
from smsfs.sms.text import cost
from smsfs.states import LEAVING_STATES, SENT_STATES, MessageState
from smsfs.store import Batch, Process, Result, ResultVersion, StaleOwnerError, Store, ensure_held
from smsfs.store.contents import fill, kept_if_shown

#: What one process of all hosts leads.
REPORTS = "reports"
HEADER = (
    *("row", "msisdn", "userref", "parts", "state", "carrier id", "code", "reason", "submitted", "done"),
    "characters",
)
#: Further columns, for accounts with ``result_prices``.
PRICES = ("price", "currency")
#: A receipt has led to these.
RECEIPT_STATES = frozenset({MessageState.DELIVERED, MessageState.UNDELIVERED})
LEAST_PAUSE = 2.0
#: The pause after a version, in times of what writing it took.
PAUSES = 20.0
#: How long a receipt is waited for once a message is too old to be sent.
RECEIPT_SECONDS = 3.0 * DAY
#: When a file is looked at again whose messages should all have been done with.
LATER_SECONDS = 3600.0
FAILED_SECONDS = 60.0
#: How long those who have an earlier version open may go on reading it.
KEPT_SECONDS = 1800.0
BLOCK_CHARACTERS = 262_144

log = structlog.get_logger()


def pause(took: float) -> float:
    """Seconds from a version to the next, when writing it took so many."""
    return max(LEAST_PAUSE, PAUSES * took)


def paths(batch: Batch) -> Iterator[str]:
    """Names for a batch's result file, best first: the time of submission, then the seconds after it."""
    stem = batch.stem.rpartition("/")[2]
    for at in seconds_from(batch.submitted):
        ending = f".{at:%Y%m%dT%H%M%S}.csv"
        kept = stem.encode()[: MAX_NAME - len(ending)].decode(errors="ignore")
        yield f"{RESULTS_FOLDER}/{kept}{ending}"


@define
class Tally:
    """How far the messages of a batch are.

    Attributes:
        moving: those that smsfs has yet to send, and ``moving_parts`` their parts.
        waiting: the parts of those of which a carrier has yet to say what became of them.
        ended: those of which everything is known.
        traced: receipts came for some of these.
    """

    moving: int = 0
    moving_parts: int = 0
    waiting: int = 0
    ended: int = 0
    traced: bool = False

    def add(self, status: MessageStatus) -> None:
        """Count one more."""
        parts = max(1, status.message.parts)
        if status.state in LEAVING_STATES:
            self.moving += 1
            self.moving_parts += parts
        elif awaits_receipt(status):
            self.waiting += parts
        else:
            self.ended += 1
            self.traced |= status.state in RECEIPT_STATES

    @property
    def missing(self) -> int:
        """How many words are to come at most: an answer for each message, a receipt for each part."""
        traced = self.traced or self.waiting or not self.ended
        return self.moving + self.waiting + (self.moving_parts if traced else 0)

    def is_final(self, expires: float, now: float) -> bool:
        """Whether nothing will change by itself; receipts may come until some days after ``expires``."""
        return not self.moving and (not self.waiting or now >= expires + RECEIPT_SECONDS)


def awaits_receipt(status: MessageStatus) -> bool:
    """Whether the carrier has the message, or may have it, and will say what became of it."""
    last = status.last
    return status.state in SENT_STATES and last is not None and last.recipient is not None


def table(messages: Iterable[MessageStatus], tally: Tally, *, prices: bool = False) -> Iterator[bytes]:
    """The file in blocks: UTF-8, lines as in RFC 4180; what is written is counted in ``tally``."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow((*HEADER, *PRICES) if prices else HEADER)
    for status in messages:
        tally.add(status)
        writer.writerow((*_row(status), *_price(status)) if prices else _row(status))
        if text.tell() >= BLOCK_CHARACTERS:
            yield _emptied(text)
    yield _emptied(text)


def _emptied(text: io.StringIO) -> bytes:
    block = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return block


def _row(status: MessageStatus) -> tuple[str | int, ...]:
    message, last = status.message, status.last
    is_done = status.state not in LEAVING_STATES and not awaits_receipt(status)
    return (
        message.row,
        message.recipient,
        message.userref,
        message.parts,
        status.state.value,
        status.carrier_id,
        last.code if last else "",
        last.reason if last else "",
        _moment(status.submitted),
        _moment(last.at if last and is_done else None),
        str(cost(message.text) or "") if message.encoding == UCS2 else "",
    )


def _price(status: MessageStatus) -> tuple[str, str]:
    amount, _, currency = status.price.partition(" ")
    return amount, currency


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


class ResultWriter:
    """Writes the result files of all accounts, as long as its owner leads.

    Args:
        store: where they are.
        owner: this process.
        timer: seconds, to measure what writing takes.
    """

    def __init__(self, store: Store, owner: Process, timer: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._owner = owner
        self._timer = timer
        self._replaced: deque[tuple[float, int, str]] = deque()
        self._setback = Setback(store)

    def step(self) -> bool:
        """Write the file that is most overdue; whether there was one.

        Raises:
            StoreUnavailable: the store is away, or was for too long; this process is through.
        """
        self.check_held()
        self._setback.step()
        self._delete_replaced()
        due = self._store.results.due(self._store.now(), 1)
        for result in due:
            self._try(result)
        return bool(due)

    def check_held(self) -> None:
        """End this process if another can have taken over from it.

        Raises:
            LeaseLostError: the store was away for too long.
        """
        ensure_held(self._store, self._owner)

    def next_time(self) -> float | None:
        """When the next file is due; None when there is none."""
        return self._store.results.next_time()

    def _try(self, result: Result) -> None:
        """Write one; if that fails, others come first."""
        try:
            self._write(result)
        except StaleOwnerError as exc:
            log.warning("stale_write", batch=result.batch.id, file=result.batch.path, reason=str(exc))
        except StoreConflict as exc:  # its account may just have been removed
            self._failed(result, log.warning, reason=str(exc))
        except (StoreUnavailable, StoreDamaged):
            raise
        except OSError as exc:
            self._failed(result, log.error, reason=str(exc))
        except Exception:  # noqa: BLE001 - logged with its traceback, and tried again
            self._failed(result, log.exception)

    def _failed(self, result: Result, tell: Callable[..., object], **why: str) -> None:
        tell("result_failed", batch=result.batch.id, file=result.batch.path, **why)
        self._store.results.postpone(result.batch.id, self._store.now() + FAILED_SECONDS)

    def _write(self, result: Result) -> None:
        began, tally = self._timer(), Tally()
        content = self._store.contents.create()
        with kept_if_shown(self._store.contents, lambda: [content]):
            prices = self._shows_prices(result.batch.account)
            blocks = table(statuses(self._store, result.batch), tally, prices=prices)
            size = self._fill(content, blocks)
            version = self._version(content, size, result, tally, self._timer() - began)
            earlier = self._store.results.show(result, version, paths(result.batch), self._owner, REPORTS)
        if earlier:
            self._replaced.append((version.at + KEPT_SECONDS, result.batch.account, earlier))
        if version.final:
            log.info("result_final", batch=result.batch.id, file=result.batch.path, bytes=size)

    def _shows_prices(self, account: int) -> bool:
        found = self._store.accounts.get(account)
        return bool(found and found.settings.get("result_prices", COMMON["result_prices"]))

    def _fill(self, content: str, blocks: Iterable[bytes]) -> int:
        return fill(self._store.contents.open_write(content), blocks)

    def _version(self, content: str, size: int, result: Result, tally: Tally, took: float) -> ResultVersion:
        now, last_receipt = self._store.now(), result.expires + RECEIPT_SECONDS
        return ResultVersion(
            content=content,
            size=size,
            at=now,
            final=tally.is_final(result.expires, now),
            not_before=now + pause(took),
            until=max(last_receipt, now + LATER_SECONDS),
            missing=tally.missing,
        )

    def _delete_replaced(self) -> None:
        """Delete earlier versions that nobody reads any more, or whose account was removed."""
        while self._replaced and self._replaced[0][0] <= self._store.now():
            self._store.contents.delete([self._replaced.popleft()[2]])
        accounts = {account for _, account, _ in self._replaced}
        gone = {account for account in accounts if self._store.accounts.get(account) is None}
        if gone:
            self._store.contents.delete(content for _, account, content in self._replaced if account in gone)
            self._replaced = deque(item for item in self._replaced if item[1] not in gone)
