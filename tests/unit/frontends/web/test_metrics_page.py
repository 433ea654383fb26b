import asyncio
import contextlib
import threading

import aiohttp
import pytest
import uvloop
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from smsfs.errors import StoreUnavailable
from smsfs.frontends import figures
from smsfs.frontends.figures import StoreFigures
from smsfs.frontends.metrics import Guard, MetricsPage, page
from smsfs.frontends.web import start_web
from smsfs.metrics import Sample
from smsfs.metrics.catalog import MESSAGES, STORE_UP, SUBMIT_BOUNDS, SUBMIT_SECONDS
from smsfs.ranges import networks
from smsfs.store.sqlite import SqliteStore

LIMIT = 60
SAMPLES = [
    Sample(MESSAGES.name, ("dk", "submitted"), 7.0),
    Sample(SUBMIT_SECONDS.name, ('a"\\\n',), [*[1.0] * len(SUBMIT_BOUNDS), 2.0, 9.5]),
    Sample(STORE_UP.name, (), 1.0),
]
ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}
PROXY = networks("trusted_proxies", ["127.0.0.1"])


async def _samples():
    return SAMPLES


async def _ready():
    return None


@contextlib.asynccontextmanager
async def serving(guard=None, gather=_samples, clock=None):
    """A function that gets the page: its status and text."""
    shown = MetricsPage(guard or Guard(), gather, *([clock] if clock else []))
    server = await start_web([("127.0.0.1", 0)], _ready, more=shown.routes())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.addresses[0][1]}") as session:

        async def get(**headers):
            async with session.get("/metrics", headers=headers) as response:
                return response.status, await response.text()

        try:
            yield get
        finally:
            await server.stop()


def run(scenario):
    """Run a coroutine with a bound on its time."""
    return uvloop.run(asyncio.wait_for(scenario, LIMIT))


@pytest.mark.parametrize(
    ("guard", "headers", "status"),
    [
        pytest.param(Guard(), {}, 200, id="on this host"),
        pytest.param(Guard(), ELSEWHERE, 403, id="through a proxy on this host"),
        pytest.param(Guard(), {"Via": "1.1 proxy"}, 403, id="through a proxy that hides who calls"),
        pytest.param(Guard(token="t0ken"), ELSEWHERE, 401, id="without the token"),
        pytest.param(Guard(token="t0ken"), ELSEWHERE | {"Authorization": "Bearer t"}, 401, id="wrong token"),
        pytest.param(Guard(), ELSEWHERE | {"Authorization": "Bearer "}, 403, id="no token is no password"),
        pytest.param(Guard(token="t0ken"), ELSEWHERE | {"Authorization": "Basic t0ken"}, 401, id="scheme"),
        pytest.param(Guard(token="t0ken"), ELSEWHERE | {"Authorization": "Bearer t0ken"}, 200, id="token"),
        pytest.param(Guard("", networks("", ["192.0.2.0/24"]), PROXY), ELSEWHERE, 200, id="known address"),
        pytest.param(Guard("", networks("", ["192.0.2.0/24"])), ELSEWHERE, 403, id="a proxy nobody trusts"),
        pytest.param(Guard("", networks("", ["198.51.100.0/24"]), PROXY), ELSEWHERE, 403, id="other address"),
    ],
)
def test_who_may_see_it(guard, headers, status):
    """Anybody on the internet would learn how many messages a company sends, and which carriers it uses."""

    async def scenario():
        async with serving(guard) as get:
            found, text = await get(**headers)
            assert (found, "smsfs_store_up" in text) == (status, status == 200)

    run(scenario())


@pytest.mark.parametrize(
    ("accept", "parse"),
    [
        ("", plain_text),
        ("text/plain;version=0.0.4", plain_text),
        ("application/openmetrics-text;version=1.0.0", open_metrics),
        ("application/openmetrics-text;version=1.x", plain_text),
    ],
)
def test_each_format_says_the_same(accept, parse):
    """A version of Prometheus would find no metrics, or other ones."""
    body, kind = page(SAMPLES, accept)
    assert kind.startswith("application/openmetrics-text" if parse is open_metrics else "text/plain")
    families = {family.name: family for family in parse(body.decode())}
    assert set(families) == {"smsfs_messages", "smsfs_submit_seconds", "smsfs_store_up"}
    (sent,) = families["smsfs_messages"].samples
    assert (sent.name, sent.labels, sent.value) == (
        "smsfs_messages_total",
        {"backend": "dk", "state": "submitted"},
        7,
    )
    spread = {
        sample.labels.get("le", sample.name): sample for sample in families["smsfs_submit_seconds"].samples
    }
    assert spread["0.005"].value == 1
    assert spread["+Inf"].value == spread["smsfs_submit_seconds_count"].value == 14
    assert spread["smsfs_submit_seconds_sum"].value == 9.5
    assert spread["+Inf"].labels["backend"] == 'a"\\\n'


def test_a_page_is_shown_again_for_a_second():
    """Somebody who asks again and again would have a core busy with nothing else."""
    asked, now = [], [0.0]

    async def gather():
        asked.append(now[0])
        return SAMPLES

    async def scenario():
        async with serving(gather=gather, clock=lambda: now[0]) as get:
            await asyncio.gather(*(get() for _ in range(9)))
            assert asked == [0.0]
            now[0] = 1.0
            await get()
            assert asked == [0.0, 1.0]

    run(scenario())


def up(samples):
    """Whether the store is said to answer, and whether anything else is said of it."""
    return samples[0], len(samples) > 1


def test_the_store_is_asked_now_and_then(tmp_path):
    """A monitor that asks every second would have the store count its queue every second."""
    now, asked = [0.0], []

    async def scenario():
        with contextlib.closing(SqliteStore(tmp_path / "smsfs.db")) as store:
            figures_of = store.measures.figures

            def counted(at):
                asked.append(now[0])
                now[0] += 0.5  # as long as it takes
                return figures_of(at)

            store.measures.figures = counted
            shown = StoreFigures(store, ["dk"], by_account=True, clock=lambda: now[0])
            samples = await shown.samples()
            assert Sample("smsfs_queue_messages", ("dk",), 0) in samples
            assert Sample("smsfs_queue_oldest_seconds", ("dk",), 0.0) in samples
            for now[0] in (1.0, 50.4, 50.5, 50.9):
                assert await shown.samples() == samples
            assert asked == [0.0, 50.5]  # a hundredth of the time

    run(scenario())


def test_a_store_that_is_away_is_told(tmp_path):
    """The page would end with an error, or show a queue as it was an hour ago, while nothing is sent."""
    now = [0.0]

    async def scenario():
        with contextlib.closing(SqliteStore(tmp_path / "smsfs.db")) as store:
            shown = StoreFigures(store, clock=lambda: now[0])
            assert up(await shown.samples()) == (Sample("smsfs_store_up", (), 1.0), True)
            states = store.routing.states

            def away():
                raise StoreUnavailable("The database is away.")

            store.routing.states, now[0] = away, 10.0
            assert up(await shown.samples()) == (Sample("smsfs_store_up", (), 0.0), False)
            store.routing.states, now[0] = states, 20.0
            assert up(await shown.samples()) == (Sample("smsfs_store_up", (), 1.0), True)

    run(scenario())


def test_a_store_that_hangs_is_told_and_asked_once(tmp_path, monkeypatch):
    """Each scrape would leave one more thread behind, until the server has none for its clients."""
    monkeypatch.setattr(figures, "PATIENCE", 0.01)
    answer, asked = threading.Event(), []

    async def scenario():
        with contextlib.closing(SqliteStore(tmp_path / "smsfs.db")) as store:
            hosts = store.hosts

            def hanging():
                asked.append(1)
                answer.wait(LIMIT)
                return hosts()

            store.hosts = hanging
            shown = StoreFigures(store)
            for _ in range(3):
                assert up(await shown.samples()) == (Sample("smsfs_store_up", (), 0.0), False)
            answer.set()
            async with asyncio.timeout(LIMIT):
                while not (await shown.samples())[0].value:
                    pass
            assert len(asked) == 1

    run(scenario())
