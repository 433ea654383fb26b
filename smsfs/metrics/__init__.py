"""What processes count of themselves, and how the counts of all processes of a host come together.

A worker writes what it has counted into memory that it shares with ``smsfs serve`` (``slate``), which reads
it when somebody asks for ``/metrics``, and once more when the worker has ended, in whatever way. So what
counts up does not go down before serve itself starts again, and no worker ever waits for a reader.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from attrs import frozen
from msgspec import Struct

#: Label values of one metric at most; what comes after them is counted together, under ``OTHERS``.
MOST_SERIES = 1000
OTHERS = "(others)"
#: A metric with this label is left out, unless the configuration asks for it.
ACCOUNT = "account"

Labels = tuple[str, ...]
Key = tuple[str, Labels]


@frozen
class Metric:
    """One metric.

    Attributes:
        name: as Prometheus knows it, but for the ``_total`` of a counter.
        kind: what it is.
        help: one sentence.
        labels: their names.
        bounds: the upper bounds of a histogram's buckets, in its unit.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """Its name on the page."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Sample(NamedTuple):
    """A number; of a histogram, how many values fell into each bucket, beyond the last, and their sum."""

    name: str
    labels: Labels
    value: float | list[float]


class Told(Struct, frozen=True):
    """What a process tells: what it has counted since it started, and what it measures now."""

    counted: list[Sample] = []
    measured: list[Sample] = []


class Tally:
    """The counts of one process; may be used by several threads.

    Attributes:
        by_account: whether metrics with a label ``account`` are kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[Key, float] = {}
        self._spreads: dict[Key, list[float]] = {}
        self._measured: dict[Key, float] = {}
        self._series = Series()
        self.by_account = False

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        """Count so much more."""
        if self._is_left_out(metric):
            return
        with self._lock:
            key = self._series.key(metric.name, labels)
            self._sums[key] = self._sums.get(key, 0.0) + amount

    def observe(self, metric: Metric, values: Iterable[float], *labels: str) -> None:
        """Count values of a histogram."""
        with self._lock:
            spread = self._spreads.setdefault(
                self._series.key(metric.name, labels), [0.0] * (len(metric.bounds) + 2)
            )
            for value, times in Counter(values).items():  # those of one moment are alike
                spread[bisect_left(metric.bounds, value)] += times
                spread[-1] += value * times

    def measure(self, metric: Metric, value: float, *labels: str) -> None:
        """Take note of how something stands now."""
        if self._is_left_out(metric):
            return
        with self._lock:
            self._measured[self._series.key(metric.name, labels)] = value

    def told(self) -> Told:
        """What was counted so far, and what is measured."""
        with self._lock:
            counted = [Sample(*key, value) for key, value in self._sums.items()]
            counted += [Sample(*key, list(spread)) for key, spread in self._spreads.items()]
            return Told(counted, [Sample(*key, value) for key, value in self._measured.items()])

    def _is_left_out(self, metric: Metric) -> bool:
        return ACCOUNT in metric.labels and not self.by_account


class Series:
    """The label values that metrics have; a bound on how many there are."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._known: dict[str, set[Labels]] = {}

    def key(self, name: str, labels: Labels) -> Key:
        """Under what something with these labels is kept."""
        known = self._known.setdefault(name, set())
        if labels not in known:
            if len(known) >= self._most:
                return name, (OTHERS,) * len(labels)
            known.add(labels)
        return name, labels


def merged(tellings: Iterable[Told]) -> Told:
    """What several processes have counted together, and what each measures."""
    counted: dict[Key, float | list[float]] = {}
    measured: dict[Key, float | list[float]] = {}
    series = Series()
    for told in tellings:
        for name, labels, value in told.counted:
            key = series.key(name, labels)
            counted[key] = _sum(counted[key], value) if key in counted else value
        measured |= {(name, labels): value for name, labels, value in told.measured}
    return Told(
        [Sample(*key, value) for key, value in counted.items()],
        [Sample(*key, value) for key, value in measured.items()],
    )


def _sum(one: float | list[float], other: float | list[float]) -> float | list[float]:
    if isinstance(one, list) and isinstance(other, list):
        return [a + b for a, b in zip(one, other, strict=True)]
    if isinstance(one, list) or isinstance(other, list):
        raise TypeError("a histogram and a number of one name")
    return one + other


#: Of this process.
tally = Tally()
