"""A store with an account and a clock, and short ways to files and messages on their way."""

import asyncio
from collections import Counter, defaultdict

import pytest
import structlog

from smsfs.dialects.registry import dialect
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.pace import Pace
from smsfs.pipeline.dispatch.routes import Route
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.pipeline.reports.messages import statuses
from smsfs.store.sqlite import SqliteStore
from tests.support.server import until
from tests.support.watch import LEVELS, named

START = 1_700_000_000.0
WAIT_SECONDS = 60.0


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        """Seconds since the epoch."""
        return self.now


class House:
    """A store as one process has it."""

    def __init__(self, store, account):
        self.store, self.account = store, account
        self.owner = store.register("test")

    def intake(self, find=dialect, **rules):
        """A reader of files."""
        return Intake(self.store, self.owner, find, IntakeRules("out", **rules))

    def set(self, **settings):
        """Settings of the account, from now on."""
        self.store.accounts.update(self.account.id, settings)

    def submit(self, data, stem="a", flags=()):
        """A submitted file with these bytes; its batch's number."""
        now = self.store.now()
        content = self.store.contents.create()
        writer = self.store.contents.open_write(content)
        writer.write(0, data)
        writer.close()
        with self.store.files.change(self.account.id) as files:
            file = files.add(self.account.id, f"upload{content}", content, now)
            files.resize(file.id, len(data), now)
            return files.submit(file, f"{stem}.{content}.processing", stem, flags, now, now)

    def accept(self, rows, stem="a", **settings):
        """A file with so many rows whose messages are queued."""
        self.set(**settings)
        number = self.submit(table(rows), stem)
        assert self.intake().step()
        assert self.batch(number).state == "accepted"
        return number

    def batch(self, number):
        """A batch as it is now."""
        return next(batch for batch in self.store.queue.batches() if batch.id == number)

    def file(self, number):
        """The file of a batch as it is now."""
        return self.store.files.view().get(self.batch(number).file)

    def shown(self, number):
        """What a client reads of the file of a batch."""
        file = self.file(number)
        return self.store.contents.read(file.content, 0, file.size) + file.tail

    def states(self, number):
        """What became of each message, by row."""
        return {item.message.row: str(item.state) for item in statuses(self.store, self.batch(number))}

    def events(self, number):
        """The events of each row, oldest first."""
        events = defaultdict(list)
        for outcome in self.store.queue.outcomes(number, 0, 1_000_000):
            events[outcome.row].append(outcome.event)
        return dict(events)

    def doubled(self, number):
        """The rows that may have been sent twice."""
        return [item.message.row for item in statuses(self.store, self.batch(number)) if item.doubled]


def table(rows, text="hello"):
    """A file with so many good rows."""
    return b"msisdn,message\n" + b"".join(b"45%08d,%s\n" % (row, text.encode()) for row in range(rows))


@pytest.fixture
def clock():
    """The store's clock, to be set."""
    return Clock()


@pytest.fixture
def connect(tmp_path, clock):
    """Opens the store as another process would."""
    stores = []

    def connect():
        stores.append(SqliteStore(tmp_path / "smsfs.db", clock))
        return stores[-1]

    yield connect
    for store in stores:
        store.close()


@pytest.fixture
def house(connect):
    """A store with one account."""
    store = connect()
    return House(store, store.accounts.add("shop", "gatewayapi", {}, START))


@pytest.fixture
def elsewhere(house, connect):
    """The same as another process has it."""
    return House(connect(), house.account)


@pytest.fixture(name="table")
def _table():
    return table


@pytest.fixture(autouse=True)
def events(request):
    """What was logged; a warning or an error that the test does not name fails it."""
    with structlog.testing.capture_logs() as events:
        yield events
    found = {event["event"] for event in events if event["log_level"] in LEVELS}
    assert found <= named(request)


@pytest.fixture
def pace():
    """Short idle moments, so that a test waits for little."""
    return Pace(recover=0.02, poll=0.01, flush=0.01)


@pytest.fixture(name="until")
def _until():
    return until


class Counting(Dispatcher):
    """Counts how often its loops went round: that of each backend, and two that look after the backends."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self.rounds = Counter()

    async def _idle(self, backend, sending):
        self.rounds[backend] += 1
        await super()._idle(backend, sending)

    async def _recover(self):
        await super()._recover()
        self.rounds["recover"] += 1

    async def _fail_over(self):
        await super()._fail_over()
        self.rounds["fail over"] += 1


@pytest.fixture
def gone_round():
    """Wait until a dispatcher has had every occasion to do what it must not do.

    What looks after the backends goes round first, then what feeds them: twice each, since it may be in the
    midst of a round. While the dispatcher stops, ``feeds`` are at their end.
    """

    async def gone_round(dispatcher, *, feeds=True):
        rounds = dispatcher.rounds
        for loops in (("recover", "fail over"), tuple(dispatcher._routes) if feeds else ()):
            seen = {loop: rounds[loop] + 2 for loop in loops}
            await until(lambda seen=seen: all(rounds[loop] >= least for loop, least in seen.items()))

    return gone_round


@pytest.fixture
def run(house, pace):
    """Run a dispatcher on some routes until a condition holds, or while a scenario lasts."""

    def run(*carriers, until_=None, scenario=None, on_unknown="resend", **more):
        async def main():
            names = ["out", "two"]
            routes = [
                Route(name, carrier, on_unknown) for name, carrier in zip(names, carriers, strict=False)
            ]
            dispatcher = Counting(house.store, house.owner, routes, **{"pace": pace, **more})
            task = asyncio.create_task(dispatcher.run())
            if scenario:
                await scenario(dispatcher, task)
            else:
                await until(lambda: task.done() or until_())
            dispatcher.stop()
            await asyncio.wait_for(task, WAIT_SECONDS)

        asyncio.run(main())

    return run


@pytest.fixture
def settled(house):
    """Tells whether all messages of a batch are in one of some states."""

    def settled(number, *states):
        return lambda: set(house.states(number).values()) <= set(states or ("submitted",))

    return settled
