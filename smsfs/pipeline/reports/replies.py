"""Replies shown as files, for accounts of dialects that do so.

The transaction that shows a file notes that its reply was shown. So each is shown once, whenever a process
dies, and does not come again when its client has deleted the file.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

import structlog

from smsfs.dialects import Dialect
from smsfs.dialects.replies import ReplyToShow
from smsfs.dialects.settings import settings_of
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.pipeline.free_names import show_free, spared
from smsfs.pipeline.reports.results import REPORTS
from smsfs.store import Account, NewFile, Process, Reply, StaleOwnerError, Store

LOOK_SECONDS = 1.0
FAILED_SECONDS = 60.0
MOST_AT_ONCE = 100

log = structlog.get_logger()


class ReplyWriter:
    """Shows replies, as long as its owner leads.

    Args:
        store: where they are.
        owner: this process.
        dialects: the names of dialects that show them; looped over at each look.
        dialect: finds a dialect by name.
    """

    def __init__(
        self, store: Store, owner: Process, dialects: Iterable[str], dialect: Callable[[str], Dialect]
    ) -> None:
        self._store, self._owner, self._dialects, self._dialect = store, owner, dialects, dialect
        self._next = self._looked = 0.0
        self._failed: dict[int, float] = {}

    def step(self) -> bool:
        """Show some replies, each account's oldest first; whether there were any.

        Raises:
            StoreUnavailable: the store is away.
        """
        now = self._store.now()
        if self._looked <= now < self._next:  # the clock may have been set back
            return False
        self._looked = now
        self._failed = {reply: again for reply, again in self._failed.items() if again > now}
        due = list(islice(self._due(), MOST_AT_ONCE))
        for reply in due:
            self._try(reply, now)
        self._next = now if due else now + LOOK_SECONDS
        return bool(due)

    def _due(self) -> Iterator[Reply]:
        found = (reply for name in self._dialects for reply in self._unshown(name))
        return (reply for reply in found if reply.id not in self._failed)

    def _unshown(self, dialect: str) -> Iterator[Reply]:
        after = 0
        while replies := self._store.inbound.unshown(dialect, after, MOST_AT_ONCE):
            yield from replies
            after = replies[-1].id

    def _try(self, reply: Reply, now: float) -> None:
        """Show one; if that fails, others come first."""
        try:
            account = self._store.accounts.find(reply.account or "")
            if account:  # it may just have been removed
                self._show(reply, account, now)
        except StaleOwnerError as exc:
            log.warning("stale_write", account=reply.account, reply=reply.id, reason=str(exc))
            self._failed[reply.id] = now + FAILED_SECONDS
        except (StoreUnavailable, StoreDamaged):
            raise
        except OSError as exc:
            self._not_shown(reply, now, log.error, reason=str(exc))
        except Exception:  # noqa: BLE001 - logged with its traceback, and tried again
            self._not_shown(reply, now, log.exception)

    def _not_shown(self, reply: Reply, now: float, tell: Callable[..., object], **why: str) -> None:
        tell("reply_not_shown", account=reply.account, reply=reply.id, **why)
        self._failed[reply.id] = now + FAILED_SECONDS

    def _show(self, reply: Reply, account: Account, now: float) -> None:
        rules, contents = self._dialect(account.dialect), self._store.contents
        made = rules.reply(_to_show(reply), settings_of(rules, account.settings))

        def show(_path: str, files: list[NewFile]) -> None:
            try:
                shown = self._store.inbound.show(reply.id, account.id, files, now, self._owner, REPORTS)
            except StaleOwnerError:
                contents.delete(file.content for file in files)
                raise
            if shown:
                log.info(
                    "reply_shown", account=account.name, reply=reply.id, files=[file.path for file in files]
                )
            else:
                contents.delete(file.content for file in files)

        show_free(contents, spared(rules, "", [made] if made else [], now), show)


def _to_show(reply: Reply) -> ReplyToShow:
    at = datetime.fromtimestamp(reply.at, UTC)
    return ReplyToShow(reply.id, reply.backend, reply.sender, reply.text, reply.whole, at)
