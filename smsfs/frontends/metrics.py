"""``/metrics``: what this host has counted and measured, for Prometheus."""

import asyncio
import hmac
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from itertools import accumulate
from math import inf

from aiohttp import web
from attrs import field, frozen
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from smsfs.frontends.forwarded import caller_of
from smsfs.frontends.proxy import is_within
from smsfs.metrics import Sample
from smsfs.metrics.catalog import metrics_of
from smsfs.ranges import Network

#: A page is shown again for so long, however often it is asked for.
FRESH_SECONDS = 1.0
#: By these a proxy says that it speaks for somebody else.
PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")

Gather = Callable[[], Awaitable[Iterable[Sample]]]


@frozen
class Guard:
    """Who may see the page: those on this host, those with the token, and those at some addresses.

    Attributes:
        token: that ``Authorization: Bearer`` has to bring; empty if there is none.
        sources: where calls may come from without it.
        proxies: whose word counts about who calls.
    """

    token: str = field(default="", repr=False)
    sources: Sequence[Network] = ()
    proxies: Sequence[Network] = ()

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a call that may not see it; None to one that may."""
        if (
            _is_local(request)
            or is_within(caller_of(request, self.proxies), self.sources)
            or self._has_token(request)
        ):
            return None
        if self.token:
            sentence = "These metrics are for callers with the token of metrics_token in [web].\n"
            return web.Response(text=sentence, status=401, headers={"WWW-Authenticate": "Bearer"})
        sentence = "From here, these metrics need metrics_token or metrics_from in [web].\n"
        return web.Response(text=sentence, status=403)

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self.token.encode())
        return bool(self.token) and scheme.lower() == "bearer" and same


class MetricsPage:
    """``/metrics``.

    Args:
        guard: who may see it.
        gather: finds the samples.
        clock: seconds of a steady clock.
    """

    def __init__(self, guard: Guard, gather: Gather, clock: Callable[[], float] = time.monotonic) -> None:
        self._guard, self._gather, self._clock = guard, gather, clock
        self._samples: list[Sample] = []
        self._until = -inf
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """For ``WebServer``."""
        return [web.get("/metrics", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        refusal = self._guard.refusal(request)
        if refusal:
            return refusal
        async with self._one_at_a_time:
            if self._clock() >= self._until:
                self._samples = list(await self._gather())
                self._until = self._clock() + FRESH_SECONDS
            body, kind = page(self._samples, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": kind})


def page(samples: Iterable[Sample], accept: str) -> tuple[bytes, str]:
    """The page in the format that a caller accepts, and the type of its content."""
    try:
        encode, kind = choose_encoder(accept)
    except (ValueError, TypeError):  # of a version that is none
        encode, kind = choose_encoder("")
    return encode(_Samples(samples)), kind


class _Samples(Collector):
    """Samples as the library knows them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples; a metric without any is left out."""
        grouped = defaultdict(list)
        for sample in self._samples:
            grouped[sample.name].append(sample)
        for metric in metrics_of(grouped):
            if metric.kind == "histogram":
                spread = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for _, labels, value in grouped[metric.name]:
                    spread.add_metric(labels, _buckets(metric.bounds, value), _last(value))
                yield spread
                continue
            family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            shown = family(metric.name, metric.help, labels=metric.labels)
            for _, labels, value in grouped[metric.name]:
                shown.add_metric(labels, _last(value))
            yield shown


def _buckets(bounds: Sequence[float], value: float | list[float]) -> list[tuple[str, float]]:
    """The buckets of a histogram, each with what fell into it and those before it."""
    counts = accumulate(value[:-1] if isinstance(value, list) else [])
    return list(zip(map(floatToGoString, (*bounds, inf)), counts, strict=True))


def _last(value: float | list[float]) -> float:
    """A number; the sum of a histogram."""
    return value[-1] if isinstance(value, list) else value


def _is_local(request: web.Request) -> bool:
    """Whether somebody on this host calls, for themselves, at an address that nobody else can reach."""
    if request.transport is None or any(name in request.headers for name in PROXIED):
        return False
    ends = request.transport.get_extra_info("sockname"), request.transport.get_extra_info("peername")
    return all(end and ip_address(end[0].partition("%")[0]).is_loopback for end in ends)
