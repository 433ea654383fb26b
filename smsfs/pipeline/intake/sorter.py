"""From the rows that a dialect reads to slices that can be stored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import define, evolve, field, frozen

from smsfs.backends.routing import Chain, Routes
from smsfs.dialects import Dialect, Refused, Row, Sheet, Submission
from smsfs.errors import Cause, Unreadable
from smsfs.pipeline.slices import encoded, numbers
from smsfs.sms.message import Message
from smsfs.states import FileState
from smsfs.store import Account, Batch, File, NewSlice, Outcome, Process, Store
from smsfs.store.claims import recipient_key

SLICE_MESSAGES = 500
#: Where consumed files are kept, out of their clients' sight.
CONSUMED = ".consumed"
#: So many rows are looked up together: on the opt-out list, among numbers written to before.
CHUNK_ROWS = 5000
#: After so many rows the reader may turn to another file.
PAUSE_ROWS = 100


@define
class Reading:
    """What has come of a file so far.

    Attributes:
        kept: how many causes are kept, of however many there are.
        messages: to be sent.
        refused: messages that are kept, and never sent.
        cost: SMS that those to be sent take.
        until: when the last of them is to have left; 0 where no row says so.
        emails: where mails go: to the address of each document, or else to the account's; may be empty.
        causes: the first causes.
        cause_count: how many there are.
        unreadable: nothing is sent, whatever was read before.
        ignored: the file is not meant for this account.
        head: the first bytes of the file.
        rest: what is not staged yet of its messages.
    """

    kept: int = 10_000
    messages: int = 0
    refused: int = 0
    cost: int = 0
    until: float = 0
    emails: dict[str, None] = field(factory=dict)
    causes: list[Cause] = field(factory=list)
    cause_count: int = 0
    unreadable: bool = False
    ignored: bool = False
    head: bytes = b""
    rest: list[NewSlice] = field(factory=list)

    def bad(self, cause: Cause) -> None:
        """Note that a row, or a whole document, is invalid."""
        self.cause_count += 1
        if len(self.causes) < self.kept:
            self.causes.append(cause)

    def first(self, number: int) -> list[Cause]:
        """The first causes, the one for which nothing is sent among them."""
        if not self.unreadable or len(self.causes) <= number:
            return self.causes[:number]
        return [*self.causes[: number - 1], self.causes[-1]]

    def last(self, cause: Cause) -> None:
        """The cause for which nothing is sent, always among those kept."""
        self.cause_count += 1
        self.causes = [*self.causes[: self.kept - 1], cause]
        self.messages = self.refused = self.cost = 0
        self.unreadable = True


@frozen
class Work:
    """One batch, and what is needed to read it."""

    batch: Batch
    account: Account
    file: File
    dialect: Dialect
    settings: dict[str, Any]

    @property
    def submission(self) -> Submission:
        """As the dialect made it."""
        return Submission(self.batch.stem, self.batch.flags)

    @property
    def submitted(self) -> datetime:
        """When; UTC."""
        return datetime.fromtimestamp(self.batch.submitted, UTC)

    def path(self, state: FileState) -> str:
        """Where the file goes in a state; out of its client's sight if that is consumed."""
        path = self.dialect.path(self.submission, self.submitted, state)
        return f"{CONSUMED}/{self.batch.id}/{path}" if state is FileState.CONSUMED else path


class Sorter:
    """Sorts rows into slices: those to send, and those refused.

    Args:
        store: where opt-outs and claims are.
        owner: this process.
        work: the batch.
        reading: takes the counts and causes.
        routes: which backends may send to whom.
    """

    def __init__(self, store: Store, owner: Process, work: Work, reading: Reading, routes: Routes) -> None:
        self._store, self._owner, self._work, self._reading = store, owner, work, reading
        self._routes = routes
        self._skips = work.dialect.skips_bad_rows(work.settings)
        self._sheet = Sheet("")
        self._seq = 0
        self._unused: set[str] = set()

    def slices(self, rows: Iterable[Row]) -> Iterator[NewSlice | None]:
        """The slices of a file, and None now and then, where the reader may turn to another file.

        Rows are not kept once there is no hope that they will be sent.
        """
        chunk: list[Message | Refused] = []
        counts = self._skips or not self._reading.cause_count
        for number, row in enumerate(rows, 1):
            if type(row) is Message or isinstance(row, Refused):
                if counts:
                    chunk.append(row)
            elif isinstance(row, Cause):
                self._reading.bad(row)
                counts = self._skips
            elif isinstance(row, Sheet):
                yield from self._stored(chunk)
                chunk = []
                self._begin(row)
            else:
                yield None
            if not number % PAUSE_ROWS:
                yield None
                if len(chunk) >= CHUNK_ROWS:
                    yield from self._stored(chunk)
                    chunk = []
        yield from self._stored(chunk)
        if self._unused:  # a mended document may come again under its name
            self._store.claims.free(self._work.batch, self._owner, sorted(self._unused))

    def _begin(self, sheet: Sheet) -> None:
        """A document begins.

        Raises:
            Unreadable: its name was used before; nothing of the file is sent.
        """
        self._sheet = sheet
        self._reading.emails[sheet.email or self._work.settings["email"]] = None
        seconds = self._work.dialect.unique_seconds(self._work.settings)
        key = f"file {sheet.key}"
        earlier = self._claimed([key], seconds) if sheet.key else {}
        if sheet.key and seconds:
            self._unused.add(key)
        for batch in earlier.values():
            reason = (
                f"a file of this name was processed within the last {seconds / 3600:g} hours "
                f"(batch {batch}), so this one is taken for a repeated upload; "
                "to send it, give it another name"
            )
            raise Unreadable(Cause(reason, code=self._code("duplicate file"), document=sheet.name))

    def _code(self, what: str) -> str:
        return self._work.dialect.code_for(what)

    def _claimed(self, keys: list[str], seconds: float) -> dict[str, int]:
        """Those of the keys that another batch used within so many seconds."""
        if not seconds or not keys:
            return {}
        now = self._work.batch.submitted
        return self._store.claims.take(self._work.batch, self._owner, keys, now, now + seconds)

    # -- who is not to be written to ------------------------------------------------------------------

    def _stored(self, chunk: list[Message | Refused]) -> Iterator[NewSlice]:
        refused = [row for row in chunk if isinstance(row, Refused)]
        messages: list[Any] = [row for row in chunk if isinstance(row, Message)] if refused else chunk
        messages = self._without_optouts(messages, refused)
        messages = self._without_recent(messages, refused)
        if messages:
            self._unused.discard(f"file {self._sheet.key}")
        yield from self._slices(messages, refused)

    def _without_optouts(self, messages: list[Any], refused: list[Refused]) -> list[Any]:
        if not (self._sheet.optouts and self._work.settings["optouts"]):
            return messages
        numbers = {message.recipient for message in messages}
        out = self._store.optouts.listed(self._work.account.principal, numbers)
        reason = "the recipient has opted out"
        return self._without(messages, out, refused, self._code("optout"), reason)

    def _without_recent(self, messages: list[Any], refused: list[Refused]) -> list[Any]:
        seconds = self._work.dialect.claims(self._work.settings)
        if not seconds:
            return messages
        keys = {recipient_key(message.recipient): message.recipient for message in messages}
        numbers = {keys[key] for key in self._claimed(list(keys), seconds)}
        reason = f"the recipient was written to within the last {seconds / 86_400:g} days"
        return self._without(messages, numbers, refused, self._code("duplicate"), reason)

    def _without(
        self, messages: list[Any], numbers: set[str], refused: list[Refused], code: str, reason: str
    ) -> list[Any]:
        if not numbers:
            return messages
        for message in messages:
            if message.recipient in numbers:
                refused.append(Refused(message, code, reason))
                self._report(message, code, reason)
        return [message for message in messages if message.recipient not in numbers]

    def _report(self, message: Message, code: str, reason: str) -> None:
        """Report a row that is not sent, where good rows are sent without the bad ones.

        Daily reports, where there are some, say it themselves.
        """
        if self._skips and not self._work.dialect.daily:
            sheet, number = self._sheet, message.recipient
            index = message.row - sheet.before
            self._reading.bad(Cause(reason, code=code, index=index, msisdn=number, document=sheet.name))

    # -- slices ---------------------------------------------------------------------------------------

    def _slices(self, messages: list[Any], refused: list[Refused]) -> Iterator[NewSlice]:
        """In the order of first rows; they overlap within a chunk only, so that order is soon restored."""
        parts = [*self._to_send(messages), *self._never_sent(refused)]
        for part in sorted(parts, key=lambda part: part.first_row):
            yield evolve(part, seq=self._seq)
            self._seq += 1

    def _to_send(self, messages: list[Any]) -> Iterator[NewSlice]:
        self._reading.messages += len(messages)
        self._reading.cost += sum(message.parts for message in messages)
        for (chain, due, until), gathered in self._gathered(messages).items():
            self._reading.until = max(self._reading.until, until)
            for start in range(0, len(gathered), SLICE_MESSAGES):
                yield self._slice(gathered[start : start + SLICE_MESSAGES], chain, due, until)

    def _gathered(self, messages: list[Any]) -> dict[tuple[Chain, float, float], list[Message]]:
        """Messages by the backends that may send them, and when."""
        found: dict[tuple[Chain, float, float], list[Message]] = defaultdict(list)
        only, times = self._routes.only, {(message.due, message.until) for message in messages}
        if only and len(times) == 1:
            return {(only, *times.pop()): messages}
        batch, account = self._work.batch.id, self._work.account.name
        for message in messages:
            chain = only or self._routes.chain_for(
                message.recipient, message.sender, account, f"{batch}-{message.row}"
            )
            found[chain, message.due, message.until].append(message)
        return found

    def _never_sent(self, refused: list[Refused]) -> Iterator[NewSlice]:
        refused.sort(key=lambda item: item.message.row)
        self._reading.refused += len(refused)
        at = self._store.now()
        for start in range(0, len(refused), SLICE_MESSAGES):
            some = refused[start : start + SLICE_MESSAGES]
            outcomes = tuple(
                Outcome(item.message.row, "refused", at, code=item.code, reason=item.reason) for item in some
            )
            yield evolve(self._slice([item.message for item in some], ("",), 0, 0), refused=outcomes)

    def _slice(self, messages: list[Message], chain: Chain, due: float, until: float) -> NewSlice:
        batch = self._work.batch
        return NewSlice(
            seq=0,
            first_row=messages[0].row,
            last_row=messages[-1].row,
            size=len(messages),
            messages=encoded(messages),
            numbers=numbers([message.recipient for message in messages]),
            backend=chain[0],
            chain=",".join(chain) if len(chain) > 1 else "",
            not_before=max(min(batch.not_before, self._store.now()), due),
            expires=until or max(batch.submitted, due) + self._work.settings["validity_seconds"],
        )
