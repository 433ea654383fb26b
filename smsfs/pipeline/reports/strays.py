"""Uploads that will never be sent, reported to their clients.

Where closing a file sends it, a client that uploads ``list.csv`` instead of ``list.json`` hears OK and then
nothing. After a while it is reported as a rejected file is: beside the file, by mail and in the
lists. The file stays as it is, so that its client can still rename it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import structlog
from attrs import evolve

from smsfs.dialects import Dialect, Findings, Submission
from smsfs.dialects.settings import settings_of
from smsfs.errors import Cause
from smsfs.pipeline.free_names import show_free, spared
from smsfs.states import FileState
from smsfs.store import Account, File, NewFile, NewNotice, Store, Verdict

#: For so long a client may still mean to rename what it uploaded.
GRACE_SECONDS = 600.0
LOOK_SECONDS = 30.0
PAGE = 500

log = structlog.get_logger()


class Strays:
    """Tells of uploads that nothing comes of, as long as its process leads.

    Args:
        store: where they are.
        dialects: the names of dialects in which closing a file sends it; looped over at each look.
        dialect: finds a dialect by name.
    """

    def __init__(self, store: Store, dialects: Iterable[str], dialect: Callable[[str], Dialect]) -> None:
        self._store, self._dialects, self._dialect = store, dialects, dialect
        self._looked = float("-inf")
        self._seen: dict[int, tuple[str, float, float]] = {}

    def step(self) -> int:
        """Look for strays, if it is time; return how many were reported.

        Raises:
            StoreUnavailable: the store is away.
        """
        now = self._store.now()
        if 0 <= now - self._looked < LOOK_SECONDS:  # the clock may have been set back
            return 0
        self._looked = now
        found = list(self._found())
        before, self._seen = self._seen, {}
        reported = 0
        for file, account, cause in found:
            path, mtime, since = before.get(file.id, (file.path, file.mtime, now))
            if (path, mtime) != (file.path, file.mtime):
                since = now
            since = min(since, now)
            if now - since < GRACE_SECONDS:
                self._seen[file.id] = file.path, file.mtime, since
            else:
                reported += self._report(file, account, cause, now)
        return reported

    def _found(self) -> Iterator[tuple[File, Account, Cause]]:
        accounts: dict[int, Account | None] = {}
        for name in self._dialects:
            rules = self._dialect(name)
            for file in self._drafts(name):
                if file.account not in accounts:
                    accounts[file.account] = self._store.accounts.get(file.account)
                account = accounts[file.account]
                if account is None or file.cut:  # the client of a cut upload heard of it at once
                    continue
                cause = rules.stray(file.path, file.size, settings_of(rules, account.settings))
                if cause:
                    yield file, account, cause

    def _drafts(self, dialect: str) -> Iterator[File]:
        after = 0
        while files := self._store.queue.strays(dialect, after, PAGE):
            yield from files
            after = files[-1].id

    def _report(self, file: File, account: Account, cause: Cause, now: float) -> bool:
        rules, contents = self._dialect(account.dialect), self._store.contents
        address = settings_of(rules, account.settings)["email"]
        notices = [NewNotice("verdict", address, now)] if address else []
        stem, at = file.path.rpartition("/")[2], datetime.fromtimestamp(now, UTC)
        reports = rules.reports(Findings(Submission(stem), [cause], 1, FileState.REJECTED, at))
        verdict = Verdict(file.path, now, causes=[cause], cause_count=1, notices=notices)

        def show(_path: str, files: list[NewFile]) -> bool:
            noted = self._store.queue.note_stray(file, stem, evolve(verdict, reports=files))
            if noted:
                log.warning("never_sent", account=account.name, file=file.path, cause=str(cause))
            else:
                contents.delete(report.content for report in files)
            return noted

        return show_free(contents, spared(rules, file.path, reports, now), show)
