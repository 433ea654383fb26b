"""What the pages show and do; each method takes as long as the store does, in a thread."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from attrs import evolve, field, frozen

from smsfs.control.acting import Operator
from smsfs.control.files import Selection, foresee, order, told
from smsfs.control.find import Wanted
from smsfs.control.search import History, Search, history
from smsfs.control.showing import shown_file
from smsfs.frontends.pages.sessions import Who
from smsfs.pipeline.reports.messages import MessageStatus
from smsfs.store import Batch, Store
from smsfs.store.orders import Action

#: Files at a glance, files on a page of their list, and messages of a search.
LATEST, PAGE_FILES, MOST_FOUND = 10, 50, 100
#: A search for messages ends after this, in seconds.
SEARCH_SECONDS = 5.0
#: Causes that are shown of a file.
MOST_CAUSES = 200
_LAST = 2**62

Row = dict[str, Any]


@frozen
class Rows:
    """What the commands show, for the pages to show the same.

    Attributes:
        backends: as ``smsfs backends --json``.
        hosts: as ``smsfs hosts --json``.
        search: of filters as ``smsfs messages`` has them, by name, which are None where they are not given.
            Raises ``ConfigurationError`` with a sentence about a wrong one.
        message: as ``smsfs messages --json``, with the name of the account.
        history: as ``smsfs message --json``.
        moment: a time as it is shown.
        patience: how long to wait for an order to be followed.
    """

    backends: Callable[[], list[Row]]
    hosts: Callable[[], list[Row]]
    search: Callable[[Mapping[str, Any]], Search]
    message: Callable[[str, MessageStatus], Row]
    history: Callable[[History], Row]
    moment: Callable[[float | None], str | None]
    patience: Callable[[], Iterator[None]]


class SearchTooLong(Exception):
    """A search was broken off."""


@frozen
class _Patient(Wanted):
    """Batches that are wanted, until the time is up."""

    end: float = field(default=0.0, kw_only=True)

    def __call__(self, batch: Batch) -> bool:
        """Whether a batch is one of them.

        Raises:
            SearchTooLong: the time is up.
        """
        if time.monotonic() > self.end:
            raise SearchTooLong
        return super().__call__(batch)


class Desk:
    """Searches and verbs for those who are logged in, of what they may see."""

    def __init__(self, store: Store, rows: Rows) -> None:
        self._store, self._rows = store, rows

    def glance(self, who: Who) -> Row:
        """What the first page shows."""
        shown: Row = {"latest": self.files(who, None, LATEST)["files"]}
        if who.account is None:
            shown |= {"backends": self._rows.backends(), "hosts": self._rows.hosts()}
            shown["oldest"] = self._oldest()
        return shown

    def _oldest(self) -> Row | None:
        """The oldest file with a message that has not left."""
        waiting = min((span.batch for span in self._store.search.unsettled()), default=None)
        batch = self._store.feed.batch(waiting) if waiting is not None else None
        return self._file(batch) if batch else None

    def files(self, who: Who, before: int | None, limit: int = PAGE_FILES) -> Row:
        """Submitted files, newest first; ``next``: from where on the next page goes, None at the end."""
        found = self._store.search.newest(who.account, before or _LAST, limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return {"files": [self._file(batch) for batch in found[:limit]], "next": more}

    def _file(self, batch: Batch) -> Row:
        return {
            "batch": batch.id,
            "account": self._name(batch.account),
            "file": batch.path,
            "state": str(batch.state),
            "submitted": self._rows.moment(batch.submitted),
            "messages": batch.messages,
            "causes": batch.cause_count,
        }

    def _name(self, account: int) -> str:
        found = self._store.accounts.get(account)
        return found.name if found else "?"

    def batch(self, who: Who, number: int) -> Batch | None:
        """A batch, if there is one that they may see."""
        batch = self._store.feed.batch(number)
        return batch if batch and who.sees(batch.account) else None

    def file(self, batch: Batch, entry: int | None = None) -> Row:
        """One file; with ``answer``, what a verb of an entry of the record did to it."""
        written, final = self._store.search.result(batch.id) or (None, None)
        result = self._store.files.view().get(written) if written else None
        shown = shown_file(self._store, batch)
        shown["causes"] = shown["causes"][:MOST_CAUSES]
        told_of = self._answer(batch, entry) if entry is not None else None
        return shown | {
            "cause_count": batch.cause_count,
            "result": result and result.path,
            "final": final,
            "answer": told_of,
        }

    def _answer(self, batch: Batch, entry: int) -> str | None:
        found = self._store.audit.entries(entry + 1, 1)
        is_its = found and found[0].id == entry and found[0].target.startswith(f"batch {batch.id} of ")
        return f"{found[0].verb}: {found[0].result or 'broken off'}." if is_its else None

    def foresee(self, batch: Batch, action: Action) -> str:
        """What a verb would do now, as a clause."""
        return told(foresee(self._store, batch, action, Selection()))

    def order(self, who: Who, peer: str, batch: Batch, action: Action) -> int | None:
        """Do it; the number of its entry in the record."""
        operator = Operator(who.name, f"page on {socket.gethostname()} from {peer}")
        return order(self._store, operator, batch, action, Selection(), self._rows.patience()).entry

    def messages(self, who: Who, asked: Mapping[str, Any]) -> Row:
        """Messages of a search; ``stopped`` if there may be more.

        Raises:
            ConfigurationError: a filter is wrong.
        """
        search = self._rows.search(asked)
        wanted = search.wanted
        account = wanted.account if who.account is None else who.account
        patient = _Patient(wanted.store, account, wanted.file, end=time.monotonic() + SEARCH_SECONDS)
        found, stopped = list[Row](), ""
        try:
            for status in islice(evolve(search, wanted=patient).found(), MOST_FOUND + 1):
                found.append(self._rows.message(self._name(status.batch.account), status))
        except SearchTooLong:
            stopped = f"The search took over {SEARCH_SECONDS:g} seconds and was ended; ask for less."
        if len(found) > MOST_FOUND:
            stopped = f"These are the first {MOST_FOUND}; there are more."
        return {"found": found[:MOST_FOUND], "stopped": stopped}

    def message(self, who: Who, batch: int, row: int) -> Row | None:
        """One message with its history, if there is one that they may see."""
        found = history(self._store, batch, row) if self.batch(who, batch) else None
        return self._rows.history(found) if found else None
