"""Daily reports: what became of the messages of a connector on one day, and who wrote back.

A message is reported for the day on which the final word on it came, by the store's clock: once, unless a
later receipt says otherwise, which is then reported for its own day.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import structlog
from attrs import evolve

from smsfs.dialects import Dialect
from smsfs.dialects.daily import DailyReports, ReceivedRow, StatusRow
from smsfs.errors import ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.pipeline.reports.results import REPORTS
from smsfs.states import MessageState
from smsfs.store import Account, NewFile, Process, StaleOwnerError, Store
from smsfs.store.contents import fill, kept_if_shown

FAILED_SECONDS = 60.0
KEPT_DAYS = 30
#: From when on the day before is reported; by 05:00 it is, unless the server was down.
FIRST_HOUR = 2
_DAY = timedelta(days=1)

log = structlog.get_logger()


def span(day: date) -> tuple[float, float]:
    """The first second of a day in UTC, and the first of the next, since the epoch."""
    start = datetime.combine(day, time(), UTC)
    return start.timestamp(), (start + _DAY).timestamp()


def report_days(now: datetime, made: Collection[date], since: date) -> list[date]:
    """The days whose reports are due and not made, the oldest first.

    A day is due from 02:00 UTC of the next on. Those that were missed are made later, as long as they
    would still be kept.

    Args:
        now: with a time zone.
        made: days whose reports are made, as far back as reports are kept.
        since: the first day there is anything to report on, such as that of the connector's creation.
    """
    last = (now.astimezone(UTC) - timedelta(hours=FIRST_HOUR)).date() - _DAY
    first = max(since, now.astimezone(UTC).date() - KEPT_DAYS * _DAY)
    days = (first + number * _DAY for number in range((last - first).days + 1))
    return [day for day in days if day not in made]


def status_report(store: Store, daily: DailyReports, account: Account, day: date) -> Iterator[bytes]:
    """The file of a day's statuses in pieces, a few slices of messages in memory at a time."""
    since, until = span(day)
    batches = store.daily.batches(account.id, since, until)
    found = (status for batch in batches for status in statuses(store, batch))
    ended = (status for status in found if status.done is not None and since <= status.done < until)
    return daily.statuses(_status_row(account, status) for status in ended)


def received_report(store: Store, daily: DailyReports, account: Account, day: date) -> Iterator[bytes]:
    """The file of a day's replies, in pieces."""
    replies = store.inbound.replies(account.id, *span(day))
    return daily.replies(
        ReceivedRow(
            account=account.name,
            batch=str(reply.batch or ""),
            message=str(reply.id),
            outgoing=f"{reply.batch}-{reply.row}" if reply.batch else "",
            phone=reply.sender,
            text=reply.text,
            received=reply.at,
        )
        for reply in replies
    )


def _status_row(account: Account, status: MessageStatus) -> StatusRow:
    last, arrived = status.last, status.state is MessageState.DELIVERED
    return StatusRow(
        account=account.name,
        batch=str(status.batch.id),
        message=f"{status.batch.id}-{status.message.row}",
        phone=status.message.recipient,
        sent=status.submitted or 0,
        delivered=status.done or 0 if arrived else 0,
        state=status.state,
        code=last.code if last else "",
        reason=last.reason if last else "",
        own=last is not None and last.attempt == 0,
    )


class DailyReporter:
    """Makes the reports that are due, as long as its owner leads.

    Args:
        store: where they go.
        owner: this process.
        dialect: finds a dialect by name.
    """

    def __init__(self, store: Store, owner: Process, dialect: Callable[[str], Dialect]) -> None:
        self._store, self._owner, self._dialect = store, owner, dialect
        self._next = self._looked = 0.0
        self._failed: dict[tuple[int, date], float] = {}

    def step(self) -> bool:
        """Make the reports of one account and day, the account's oldest; whether there were any to make.

        Raises:
            StoreUnavailable: the store is away.
        """
        now = self._store.now()
        if self._looked <= now < self._next:  # the clock may have been set back
            return False
        self._looked = now
        for account, daily, day in self._due(datetime.fromtimestamp(now, UTC)):
            if self._failed.get((account.id, day), 0.0) <= now:
                self._try(account, daily, day, now)
                return True
        self._next = min([_next_time(now), *(at for at in self._failed.values() if at > now)])
        return False

    def _due(self, now: datetime) -> Iterator[tuple[Account, DailyReports, date]]:
        for account in self._store.accounts.all():
            if daily := self._daily(account):
                since = datetime.fromtimestamp(account.created, UTC).date()
                for day in report_days(now, self._store.daily.made(account.id), since):
                    yield account, daily, day

    def _daily(self, account: Account) -> DailyReports | None:
        with suppress(ConfigurationError):  # of a dialect that is not known here; the sweep logs that
            return self._dialect(account.dialect).daily
        return None

    def _try(self, account: Account, daily: DailyReports, day: date, now: float) -> None:
        """Make one day's; if that fails, others come first."""
        try:
            self._make(account, daily, day, now)
        except StaleOwnerError as exc:
            log.warning("stale_write", account=account.name, day=day.isoformat(), reason=str(exc))
            self._failed[account.id, day] = now + FAILED_SECONDS
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception:
            log.exception("daily_report_failed", account=account.name, day=day.isoformat())
            self._failed[account.id, day] = now + FAILED_SECONDS
        else:
            self._failed.pop((account.id, day), None)

    def _make(self, account: Account, daily: DailyReports, day: date, now: float) -> None:
        status, received = daily.names(day)
        files: list[NewFile] = []
        with kept_if_shown(self._store.contents, lambda: [file.content for file in files]):
            self._write(files, status, status_report(self._store, daily, account, day))
            self._write(files, received, received_report(self._store, daily, account, day))
            shown = self._store.daily.publish(account.id, day, files, now, self._owner, REPORTS)
        if shown:
            size = sum(file.size for file in files)
            log.info("daily_reports", account=account.name, day=day.isoformat(), bytes=size)
        else:
            self._store.contents.delete(file.content for file in files)

    def _write(self, files: list[NewFile], path: str, blocks: Iterable[bytes]) -> None:
        """Write a file, and note it first, so that it can be deleted whatever happens."""
        files.append(NewFile(path, self._store.contents.create(), 0))
        size = fill(self._store.contents.open_write(files[-1].content), blocks)
        files[-1] = evolve(files[-1], size=size)


def _next_time(now: float) -> float:
    """When the next day's reports are due."""
    moment = datetime.fromtimestamp(now, UTC)
    today = moment.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    return (today if moment < today else today + timedelta(days=1)).timestamp()
