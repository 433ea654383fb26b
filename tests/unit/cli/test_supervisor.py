"""Processes that do not stay up: when that is so, and who is told."""

import pytest
import structlog
from attrs import evolve

from smsfs.cli import supervisor
from smsfs.cli.supervisor import Health, Watch
from smsfs.store import BackendState
from smsfs.store.sqlite import SqliteStore


def ends(health, *times, lasts=0.5):
    """Let a process end at some times, each run as long as given."""
    for at in times:
        health.began(at - lasts)
        health.ended(at, "it ended with status 1")


def test_three_ends_in_a_minute_are_trouble():
    """A process that crashes at every start would look like one that was started again once."""
    health = Health()
    ends(health, 100, 120)
    assert health.trouble(120) == ""
    ends(health, 160)
    assert health.trouble(161) == "it ends again and again, the last time: it ended with status 1"


def test_few_ends_are_none():
    """An operator would be woken for a process that is restarted once in a while."""
    health = Health()
    ends(health, 100, 140, 180, 220, lasts=30)
    assert health.trouble(220) == ""


@pytest.mark.parametrize(("lasts", "steady"), [(0.5, 6), (15, 31)])
def test_trouble_is_over_once_it_runs(lasts, steady):
    """A host that was mended would stay out of service, or one that crashes be in and out of it."""
    health = Health()
    ends(health, *(100 + 16 * number for number in range(4)), lasts=lasts)
    health.began(200)
    assert health.trouble(200 + steady - 2) != ""
    assert health.trouble(200 + steady) == ""


def test_a_long_pause_between_ends_is_no_recovery():
    """A process that never comes up would be told of as recovered, for it is tried less and less often."""
    health = Health()
    ends(health, 100, 101, 102, 132, 163, 194)
    assert health.trouble(224) != ""


class Worker:
    """A process as the watch sees it."""

    def __init__(self, name, owner=0, why=""):
        self.name, self.owner, self.why = name, owner, why

    def trouble(self):
        """As told."""
        return self.why


@pytest.fixture
def store(tmp_path):
    """A store whose time is told."""
    store = SqliteStore(tmp_path / "smsfs.db", lambda: store.time)
    store.time = 1000.0
    yield store
    store.close()


def test_trouble_is_told_to_everyone_and_taken_back(store):
    """An operator would not see that a host sends nothing, or see it for ever."""
    front, worker = store.register("front"), Worker("dispatch", why="it ends again and again")
    watch = Watch(store, front, [Worker("reports", why="x"), worker])
    watch._report({"dispatch": worker.why})
    store.time += 5
    watch._report({"dispatch": "another reason"})
    (told,) = store.trouble.workers()
    assert (told.worker, told.reason, told.since) == ("dispatch", "another reason", 1000.0)
    assert watch.fault() == "The process dispatch does not stay up: it ends again and again."
    worker.why = ""
    watch._report({})
    assert (store.trouble.workers(), watch.fault()) == ([], None)


def test_carriers_that_are_all_away_are_a_warning(store):
    """Nobody would be told that nothing leaves, or the host be taken out of service for it."""
    front, dispatch, other = (store.register(kind) for kind in ("front", "dispatch", "dispatch"))
    watch = Watch(store, front, [Worker("dispatch", dispatch.id)])
    down = BackendState("one", "down", "cannot connect", 1000.0, 1000.0)
    store.routing.report(other, [evolve(down, state="up")])
    store.routing.report(dispatch, [down, evolve(down, backend="two", state="open", since=1010.0)])
    store.time = 1000.0 + supervisor.AWAY_SECONDS
    with structlog.testing.capture_logs() as events:
        watch._look({dispatch.id})
        assert watch.warning() == ""
        store.time += 10
        watch._look({dispatch.id})
        watch._look({dispatch.id})
        told = "No backend can send since 1970-01-01T00:16:50Z: one: cannot connect; two: cannot connect."
        assert watch.warning() == told
        store.routing.report(dispatch, [evolve(down, state="up")])
        watch._look({dispatch.id})
        assert watch.warning() == ""
    assert [event["event"] for event in events] == ["no_backend_can_send", "backends_are_back"]
