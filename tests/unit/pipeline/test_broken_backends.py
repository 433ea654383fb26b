"""Backends that cannot be made, started or used: they are down, and the others go on."""

import asyncio
import os

import pytest

from smsfs.backends import NotTaken, mending
from smsfs.backends.mending import Mending
from smsfs.backends.outbox import Outbox
from smsfs.errors import ConfigurationError
from smsfs.pipeline.dispatch.pace import Pace
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("backend_not_started", "backend_not_stopped", "backend_state", "rerouted")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Let what is broken be tried again soon."""
    monkeypatch.setattr(mending, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(mending, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(mending, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(mending, "START_SECONDS", 0.1)
    monkeypatch.setattr("smsfs.backends.outbox.AGAIN_SECONDS", 0.05)


@pytest.fixture
def pace():
    """What was not taken is tried again soon."""
    return Pace(recover=0.02, poll=0.01, flush=0.01, backoff=0.05)


class Broken(ScriptedCarrier):
    """Cannot be started while ``fault`` is there: raises it, or hangs."""

    def __init__(self, trouble):
        super().__init__()
        self.trouble = trouble

    async def start(self, *given):
        """Fail as told."""
        if self.trouble == "hang":
            await asyncio.Event().wait()
        if self.trouble:
            raise self.trouble
        await super().start(*given)


def state(house, name):
    """What the operator is told of a backend."""
    return next((item for item in house.store.routing.states() if item.backend == name), None)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (ConfigurationError("The certificates cannot be used."), "The certificates cannot be used"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        ("hang", "it is being started"),
    ],
)
def test_backend_that_cannot_start_stops_no_other(house, run, settled, until, clock, trouble, reason):
    """One carrier's wrong option would keep all others from sending."""
    broken, good = Broken(trouble), ScriptedCarrier()
    waiting = house.accept(2, "a")
    other = house.accept(2, "b", backend="two")

    async def scenario(dispatcher, task):
        del dispatcher
        await until(settled(other))
        await until(lambda: state(house, "out"))
        assert (state(house, "out").state, state(house, "out").reason) == ("down", reason)
        assert state(house, "two").state == "up"
        if trouble != "hang":
            broken.trouble = None
            await until(settled(waiting))
            clock.now += 10
            await until(lambda: state(house, "out").state == "up")
        assert not task.done()

    run(broken, good, scenario=scenario)
    assert good.sent == [1, 2]


def test_what_waits_for_it_leaves_by_the_next(house, run, settled):
    """Messages with a second way out would wait for one that cannot be had."""
    number = house.accept(2, backend="out,two")
    good = ScriptedCarrier()
    run(Broken(OSError("away")), good, until_=settled(number))
    assert good.sent == [1, 2]


def test_backend_that_cannot_be_made_is_made_later(house, run, settled, until):
    """A certificate that comes back would help only after a restart."""
    number, made, carrier = house.accept(2), [], ScriptedCarrier()

    def make():
        if not made:
            raise ConfigurationError("The certificates in x cannot be used: No such file or directory.")
        return carrier

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: state(house, "out"))
        assert "No such file" in state(house, "out").reason
        made.append(True)
        await until(settled(number))

    run(Mending("out", make, idempotent=False, traceable=True), scenario=scenario)
    assert carrier.calls == ["start", "finish", "stop"]


def test_backend_with_a_fault_is_made_anew(house, run, settled, until):
    """A backend that met a fault of ours would stay down until somebody restarts the server."""
    made = []

    def make():
        made.append(ScriptedCarrier())
        return made[-1]

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: made)
        made[0].fault = "the backend has a fault"
        await until(lambda: len(made) == 2)
        await until(settled(house.accept(2)))

    run(Mending("out", make, idempotent=False, traceable=True), scenario=scenario)
    assert [carrier.calls for carrier in made] == [["start", "stop"], ["start", "finish", "stop"]]


def test_what_was_not_taken_waits_untouched(house, run, settled, until, clock):
    """Messages that never left would be of unknown fate, or wait longer with each try."""
    number = house.accept(2)
    carrier = ScriptedCarrier({1: [NotTaken("not now"), NotTaken("not yet")]})

    async def scenario(dispatcher, task):
        del dispatcher, task
        for handed in (2, 4):
            await until(lambda handed=handed: len(carrier.sent) == handed)
            clock.now += 10
        await until(settled(number))

    run(carrier, scenario=scenario)
    assert (house.doubled(number), house.events(number)) == ([], {1: ["accepted"], 2: ["accepted"]})
    assert [envelope.attempt for envelope in carrier.envelopes] == [1] * 6


def test_rest_of_what_was_not_taken_waits(house, run, clock, until):
    """A message that left would be sent again with those that did not."""
    number = house.accept(2)
    carrier = ScriptedCarrier({2: [NotTaken("not now")]})

    async def scenario(dispatcher, task):
        del dispatcher, task
        await until(lambda: house.states(number) == {1: "submitted", 2: "queued"})
        clock.now += 10
        await until(lambda: house.states(number) == {1: "submitted", 2: "submitted"})

    run(carrier, scenario=scenario)
    assert (sorted(carrier.sent), house.doubled(number)) == ([1, 2, 2], [])


@pytest.mark.parametrize("wrong", ["folder", "full", "pipe", "below a file"])
def test_outbox_that_cannot_be_written_waits_and_recovers(house, run, settled, until, tmp_path, clock, wrong):
    """Messages would be of unknown fate, or the others held up, since one outbox cannot be written."""
    path = tmp_path / "place" / "outbox.jsonl"
    path.parent.mkdir()
    mend = _break(path, wrong)
    number, other = house.accept(3, "a"), house.accept(3, "b", backend="two")

    async def scenario(dispatcher, task):
        del dispatcher
        await until(settled(other))
        await until(lambda: state(house, "out"))
        told = state(house, "out")
        assert told.state == "down"
        assert f"outbox {path} cannot be written" in told.reason
        mend()

        def later():
            clock.now += 1
            return settled(number)()

        await until(later)
        clock.now += 10
        await until(lambda: state(house, "out").state == "up")
        assert not task.done()

    run(Outbox(path), ScriptedCarrier(), scenario=scenario)
    assert path.read_bytes().count(b"\n") == 3
    assert house.doubled(number) == []


def _break(path, wrong):
    """Make a path that cannot be written; returns what mends it."""
    if wrong == "folder":
        path.mkdir()
        return path.rmdir
    if wrong == "full":
        path.symlink_to("/dev/full")
        return path.unlink
    if wrong == "pipe":
        os.mkfifo(path)
        return path.unlink
    path.parent.rmdir()
    path.parent.touch()
    return path.parent.unlink
