"""Retention: finished files and messages are kept for as long as their account says."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import structlog
from attrs import frozen

from smsfs.dialects import Dialect
from smsfs.dialects.settings import DAY, settings_of
from smsfs.errors import ConfigurationError
from smsfs.store import Store

SWEEP_SECONDS = 3600.0
MOST_AT_ONCE = 100
MOST_INBOUND = 10_000
MOST_CLAIMS = 100_000
ORPHAN_SECONDS = DAY
#: Receipts of unknown messages, and replies that belong to no account.
UNMATCHED_SECONDS = 30 * DAY

log = structlog.get_logger()


@frozen
class Swept:
    """What was done.

    Attributes:
        orphans: the old contents that no file has, by their names, once nothing else is left to do.
        deleted: whether anything was.
        more: there is more to forget.
    """

    orphans: list[str]
    deleted: bool
    more: bool = False


def sweep(store: Store, dialect: Callable[[str], Dialect], known: Collection[str] | None = None) -> Swept:
    """Forget what is past its time, at most a hundred files and batches in one call.

    Args:
        store: where it is.
        dialect: finds a dialect by name.
        known: what an earlier call returned. Contents that no file has are deleted only if they are among
            these: by a clock that has just gone ahead, an upload that is beginning is old. None: all are.

    """
    now = store.now()
    settings = dict(_settings(store, dialect))
    files = {account: now - own["keep_files_days"] * DAY for account, own in settings.items()}
    messages = {account: now - own["keep_messages_days"] * DAY for account, own in settings.items()}
    contents = store.files.expire(files, MOST_AT_ONCE)
    store.contents.delete(contents)
    batches = store.queue.expire(messages, MOST_AT_ONCE)
    inbound = store.inbound.expire(messages, now - UNMATCHED_SECONDS, MOST_INBOUND)
    store.claims.expire(now, MOST_CLAIMS)
    more = MOST_AT_ONCE in (len(contents), batches)
    orphans = [] if more else store.contents.orphans(now - ORPHAN_SECONDS)
    gone = orphans if known is None else [content for content in orphans if content in known]
    store.contents.delete(gone)
    deleted = bool(contents or batches or inbound or gone)
    if deleted:
        log.info("retention", files=len(contents), batches=batches, inbound=inbound, orphans=len(gone))
    return Swept(orphans, deleted=deleted, more=more)


def _settings(store: Store, dialect: Callable[[str], Dialect]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The settings of each account; of one whose dialect is not known here nothing is forgotten."""
    for account in store.accounts.all():
        try:
            yield account.id, settings_of(dialect(account.dialect), account.settings)
        except ConfigurationError as exc:
            log.warning("account_left_alone", account=account.name, reason=str(exc))
