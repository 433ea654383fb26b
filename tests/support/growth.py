"""What a store costs as it grows: synthetic files through its real interfaces, measured.

``python -m tests.support.growth --engine postgresql`` uploads, accepts, claims, records and forgets
messages in one thread, and measures how long a claim takes behind a growing backlog. Numbers and carrier's
ids come in no order, as in life, and are sorted after each answer, as the server does meanwhile.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles

from attrs import define, field

from smsfs.pipeline.slices import encoded, messages_of, numbers
from smsfs.sms.message import Message
from smsfs.store import NewSlice, Outcome, SliceReport, Store, Verdict
from tests.support.meters import Meter, metered

BACKEND = "carrier"
FILE_MESSAGES = 10_000
LONG_FILE_MESSAGES = 200_000
SLICE_MESSAGES = 500
STAGE_SLICES = 20
CLAIMS = 100
LEAST_BACKLOG = 2 * SLICE_MESSAGES
DAY = 86_400.0
BACKLOGS = (10_000, 100_000, 1_000_000)
TABLES = ("piece", "contents", "slice", "payload", "recipients", "outcome", "run_carrier", "run_recipient")
#: So many messages are sent before it is noted what recording their answers took.
ROUND_MESSAGES = 100_000
COUNTRIES = ("45", "46", "352", "420", "971")
TEXTS = (
    (
        "Dear {name}, we look forward to seeing you on {day} May at {time}. To cancel, reply NO {code}.",
        "gsm7",
    ),
    ("Hej {name}, vi ses den {day}. maj kl. {time} på klinikken. Afbud? Svar NEJ {code}.", "gsm7"),
    ("Guten Tag {name}, Ihr Paket kommt am {day}.5. ab {time} Uhr. Code für die Übergabe: {code}", "gsm7"),
    ("{name}, ваш заказ {code} готов. Ждём вас {day} мая в {time}.", "ucs2"),
    ("{name} 様、ご予約は5月{day}日{time}です。番号 {code}", "ucs2"),
)
NAMES = ("Anna", "Bo", "Carl", "Ditte", "Erik", "Freja", "Gorm", "Hanne", "Ida", "Jens", "Karen", "Lars")


@define
class Figures:
    """What was measured; seconds are of one thread that waits for each commit.

    Attributes:
        messages: how many went all the way.
        encoded: bytes of their slices, before the engine compresses them.
        disk: bytes by table, when all were sent and none forgotten.
        written: bytes until then, see ``Meter``.
        seconds: in the store, by step.
        records: processor seconds and bytes that recording an answer took, by messages kept before.
        claims: median and 95th percentile of seconds that a claim takes, by messages queued.
    """

    messages: int = 0
    encoded: int = 0
    disk: dict[str, int] = field(factory=dict)
    written: int = 0
    seconds: dict[str, float] = field(factory=dict)
    records: dict[int, tuple[float, float]] = field(factory=dict)
    claims: dict[int, tuple[float, float]] = field(factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add what the block takes to a step."""
        began = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0) + time.perf_counter() - began


class Growth:
    """Fills an empty store.

    Args:
        store: where to.
        meter: of that store.
    """

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._meter = meter
        self._owner = store.register("growth")
        self._account = store.accounts.add("growth", "gatewayapi", {}, store.now()).id
        self._random = random.Random(1)  # noqa: S311 -- the same synthetic texts every time
        self._files = 0
        self.figures = Figures()

    def whole_way(self, messages: int) -> None:
        """Bring messages from their upload to their deletion."""
        figures, before, sizes = self.figures, self._meter.written(), self._meter.disk()
        while figures.messages < messages:
            self._round(min(ROUND_MESSAGES, messages - figures.messages))
        figures.written = self._meter.written() - before
        figures.disk = {name: size - sizes.get(name, 0) for name, size in self._meter.disk().items()}
        with figures.timed("forget"):
            self._forget()

    def _round(self, messages: int) -> None:
        figures, kept = self.figures, self.figures.messages
        while figures.messages < kept + messages:
            figures.messages += self._queue(min(FILE_MESSAGES, kept + messages - figures.messages))
        written, began = self._meter.written(), time.process_time()
        self._send()
        taken = time.process_time() - began, float(self._meter.written() - written)
        figures.records[kept] = taken[0] / messages, taken[1] / messages

    def _queue(self, messages: int) -> int:
        rows = [self._message(row) for row in range(1, messages + 1)]
        now = self._store.now()
        slices = [self._slice(rows, first, now) for first in range(0, messages, SLICE_MESSAGES)]
        self._files += 1
        with self.figures.timed("upload"):
            self._upload("".join(["msisdn,message\n", *(f'{row.recipient},"{row.text}"\n' for row in rows)]))
        with self.figures.timed("accept"):
            self._accept(slices, messages)
        return messages

    def _upload(self, text: str) -> None:
        data, name, now = text.encode(), f"list{self._files}", self._store.now()
        content = self._store.contents.create()
        writer = self._store.contents.open_write(content)
        writer.write(0, data)
        writer.sync()
        with self._store.files.change(self._account) as files:
            file = files.add(self._account, f"{name}.csv", content, now)
            files.resize(file.id, len(data), now)
        writer.close()
        with self._store.files.change(self._account) as files:
            files.submit(file, f"{name}.processing", name, (), now, now)

    def _accept(self, slices: Sequence[NewSlice], messages: int) -> None:
        queue, now = self._store.queue, self._store.now()
        batch = queue.claim_batch(self._owner, now)
        if batch is None:
            raise RuntimeError("the file that was submitted is not due")
        for first in range(0, len(slices), STAGE_SLICES):
            queue.stage(batch.id, self._owner, slices[first : first + STAGE_SLICES])
        queue.accept(batch.id, self._owner, Verdict(f"list{self._files}.success", now, messages))

    def _slice(self, rows: Sequence[Message], first: int, now: float) -> NewSlice:
        chunk = rows[first : first + SLICE_MESSAGES]
        data = encoded(chunk)
        self.figures.encoded += len(data)
        seq, ends = first // SLICE_MESSAGES, (chunk[0].row, chunk[-1].row)
        sought = numbers([row.recipient for row in chunk])
        return NewSlice(seq, *ends, len(chunk), data, BACKEND, now, now + DAY, numbers=sought)

    def _message(self, row: int) -> Message:
        pick = self._random
        text, encoding = pick.choice(TEXTS)
        name, day, hour = pick.choice(NAMES), pick.randrange(1, 29), pick.randrange(8, 18)
        minute, code = pick.randrange(10, 60), f"{pick.getrandbits(32):08x}"
        number = f"{pick.choice(COUNTRIES)}{pick.randrange(10**8):08}"
        words = text.format(name=name, day=day, time=f"{hour}:{minute}", code=code)
        return Message(row, number, words, f"Shop{pick.randrange(40)}", encoding=encoding)

    def _send(self) -> None:
        queue = self._store.queue
        while True:
            with self.figures.timed("claim"):
                slice_ = queue.claim_slice(self._owner, BACKEND, self._store.now(), oldest=True)
            if slice_ is None:
                return
            outcomes = [self._outcome(message) for message in messages_of(slice_)]
            with self.figures.timed("record"):
                queue.record(self._owner, [SliceReport(slice_, outcomes, done=True)])
            with self.figures.timed("sort"):
                while self._store.inbound.sort():
                    pass

    def _outcome(self, message: Message) -> Outcome:
        carrier_id, number = f"{self._random.getrandbits(64):016x}", int(message.recipient)
        return Outcome(
            message.row, "accepted", self._store.now(), carrier_id, parts=1, attempt=1, recipient=number
        )

    def _forget(self) -> None:
        before = {self._account: self._store.now() + 1}
        self._store.contents.delete(self._store.files.expire(before, self._files))
        self._store.queue.expire(before, self._files)

    def claims_behind(self, backlog: int) -> None:
        """Queue until that many messages wait, and measure claims, in both orders by turns."""
        queue, taken, times = self._store.queue, [], []
        kept = dict(self.figures.seconds), self.figures.encoded
        while (waiting := queue.backlog().get(BACKEND, 0)) < backlog:
            self._queue(min(LONG_FILE_MESSAGES, backlog - waiting))
        for number in range(min(CLAIMS, backlog // SLICE_MESSAGES)):
            began = time.perf_counter()
            taken.append(queue.claim_slice(self._owner, BACKEND, self._store.now(), oldest=number % 2 == 0))
            times.append(time.perf_counter() - began)
        for slice_ in filter(None, taken):
            queue.release_slice(slice_, self._owner)
        cuts = quantiles(times, n=20)
        self.figures.claims[backlog] = cuts[9], cuts[18]
        self.figures.seconds, self.figures.encoded = kept


def measure(store: Store, meter: Meter, messages: int, backlogs: Sequence[int]) -> Figures:
    """All of it, on an empty store."""
    growth = Growth(store, meter)
    growth.whole_way(messages)
    for backlog in backlogs:
        growth.claims_behind(backlog)
    return growth.figures


def report(figures: Figures) -> Iterator[str]:
    """The figures, line by line."""
    count, total = figures.messages, sum(figures.disk.values())
    parts = [f"{name} {figures.disk[name] / count:.0f}" for name in TABLES if name in figures.disk]
    yield f"{count} messages of {figures.encoded / count:.0f} bytes as encoded"
    yield f"bytes per message on disk: {total / count:.0f} ({', '.join(parts)})"
    yield f"bytes per message written: {figures.written / count:.0f}"
    steps = [f"{step} {time * 1e5 / count:.2f}" for step, time in figures.seconds.items()]
    each = sum(figures.seconds.values()) / count
    yield f"seconds per 100000 messages in one thread: {each * 1e5:.2f} ({', '.join(steps)})"
    for kept in sorted({min(figures.records), max(figures.records)}):
        seconds, written = figures.records[kept]
        cost = f"{seconds * 1e6:.0f} microseconds of the processor, {written:.0f} bytes written"
        yield f"claim, record and sort beside {kept} kept, per message: {cost}"
    for backlog, (median, high) in figures.claims.items():
        yield f"claim behind {backlog} queued: median {median * 1e3:.2f} ms, 95 % below {high * 1e3:.2f} ms"
    yield f"messages a day in one thread: {DAY / each / 1e6:.0f} million"
    yield f"10 million messages: {1e7 * each:.0f} seconds in one thread, {1e7 * total / count / 1e9:.1f} GB"


def main() -> None:
    """Measure a new store of one engine, and remove it."""
    parser = argparse.ArgumentParser(prog="tests.support.growth", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--backlog", type=int, nargs="*", default=BACKLOGS, help="messages queued")
    arguments = parser.parse_args()
    if arguments.messages < 1 or min(arguments.backlog, default=LEAST_BACKLOG) < LEAST_BACKLOG:
        parser.error(f"there must be at least 1 message, and at least {LEAST_BACKLOG} in each backlog")
    with metered(arguments.engine) as (store, meter):
        for line in report(measure(store, meter, arguments.messages, arguments.backlog)):
            print(line)  # noqa: T201 -- what the command is for


if __name__ == "__main__":
    main()
