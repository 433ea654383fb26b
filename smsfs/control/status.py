"""What of all that is known an operator has to look at; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from attrs import field, frozen

from smsfs.store.figures import LOST_ANSWERS

Level = Literal["warning", "critical"]
#: So long may messages wait for a backend that is up, and files for a reader, in seconds.
LATE_SECONDS, FAR_TOO_LATE_SECONDS = 600.0, 3600.0
#: So much of the disk has to be free.
LOW_DISK, NO_DISK = 0.1, 0.03
#: A certificate is renewed so long before its end, in seconds.
RENEWAL_SECONDS = 14 * 86_400.0
#: A backend in one of these states takes messages.
_UP = ("up", "half-open")

Row = Mapping[str, Any]


class Finding(NamedTuple):
    """One thing to look at: how bad it is, what it is about, and a clause that says what is wrong."""

    level: Level
    about: str
    what: str


@frozen
class Facts:
    """What is known.

    Attributes:
        now: by the store's clock, in seconds since the epoch, as all times here.
        backends: as ``smsfs backends --json`` has them.
        hosts: as ``smsfs hosts --json``.
        queue: since when the oldest message could have been sent, by backend, whatever was tried since.
        waiting: since when messages of an account could have been sent, by backend and account.
        reading: since when the first file that is to be read is due; None: there is none.
        damaged: messages whose record cannot be read.
        unknown: messages whose answer was lost.
        held: files with messages that an operator holds.
        free: which part of the disk is free; None where there is no folder of ours.
        certificates: when those that are configured end, by section.
        spent: accounts whose credit is used up.
    """

    now: float
    backends: Sequence[Row] = ()
    hosts: Sequence[Row] = ()
    queue: Mapping[str, float] = field(factory=dict)
    waiting: Mapping[tuple[str, str], float] = field(factory=dict)
    reading: float | None = None
    damaged: int = 0
    unknown: int = 0
    held: int = 0
    free: float | None = None
    certificates: Mapping[str, float] = field(factory=dict)
    spent: Sequence[str] = ()


def findings(facts: Facts) -> list[Finding]:
    """What an operator has to look at, the worst first."""
    found = [
        *_of_hosts(facts.hosts),
        *_of_backends(facts.backends),
        *_of_waiting(facts),
        *_of_messages(facts),
        *_of_disk(facts.free),
        *_of_certificates(facts),
        *(
            Finding("warning", name, "its credit is used up, so its files are rejected")
            for name in facts.spent
        ),
    ]
    return sorted(found, key=lambda finding: finding.level)


def status_of(found: Iterable[Finding]) -> int:
    """The exit status: 0 fine, 1 something to look at, 2 something that keeps messages from being sent."""
    levels = {finding.level for finding in found}
    return 2 if "critical" in levels else int("warning" in levels)


def ago(seconds: float) -> str:
    """A time that has passed, for people."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _of_hosts(hosts: Sequence[Row]) -> Iterator[Finding]:
    if not any(host["kind"] == "front" and host["alive"] for host in hosts):
        yield Finding("critical", "smsfs serve", "runs on no host, so nothing is read or sent")
    for host in hosts:
        if host["trouble"]:
            yield Finding(
                "critical", f"{host['kind']} on {host['host']}", f"does not stay up: {host['trouble']}"
            )


def _of_backends(backends: Sequence[Row]) -> Iterator[Finding]:
    up = {row["backend"] for row in backends if row["state"] in _UP}
    paused = set[str]()
    for row in backends:
        name, state, queued = row["backend"], row["state"], row["queued"]
        wait = f", {queued} messages wait" if queued else ""
        if row.get("credit_low"):
            yield Finding("warning", name, f"its carrier has a credit of {row['credit']} left")
        if state in ("paused", "draining"):
            if name not in paused:
                yield Finding("warning", name, f"{row['reason']}, since {row['since']}{wait}")
            paused.add(name)
        elif state not in _UP and (state or queued):
            level: Level = "critical" if state and queued and name not in up else "warning"
            where = f" on {row['host']}" if row["host"] else ""
            yield Finding(level, name, f"{state or 'not connected'}{where}: {row['reason']}{wait}")


def _of_waiting(facts: Facts) -> Iterator[Finding]:
    resting = {row["backend"] for row in facts.backends if row["state"] and row["state"] not in _UP}
    for backend, since in facts.queue.items():
        level = _late(facts.now - since)
        if level and backend not in resting:  # of others, it was said why
            some = {
                account
                for (name, account), at in facts.waiting.items()
                if name == backend and at <= facts.now
            }
            whose = f" (of {', '.join(sorted(some))})" if some else ""
            yield Finding(level, backend, f"messages wait for {ago(facts.now - since)}{whose}")
    if facts.reading is not None and (level := _late(facts.now - facts.reading)):
        yield Finding(level, "intake", f"a file waits to be read for {ago(facts.now - facts.reading)}")


def _late(seconds: float) -> Level | None:
    if seconds < LATE_SECONDS:
        return None
    return "critical" if seconds >= FAR_TOO_LATE_SECONDS else "warning"


def _of_messages(facts: Facts) -> Iterator[Finding]:
    if facts.damaged:
        yield Finding("critical", "store", f"{facts.damaged} messages have a damaged record: smsfs fsck")
    if facts.unknown:
        more = " or more" if facts.unknown >= LOST_ANSWERS else ""
        what = f"{facts.unknown}{more} got no answer, and may have been sent: smsfs messages --state unknown"
        yield Finding("warning", "messages", what)
    if facts.held:
        yield Finding("warning", "messages", f"an operator holds some of {facts.held} files: smsfs log")


def _of_disk(free: float | None) -> Iterator[Finding]:
    if free is not None and free < LOW_DISK:
        level: Level = "critical" if free < NO_DISK else "warning"
        yield Finding(level, "disk", f"{free:.0%} of it is free")


def _of_certificates(facts: Facts) -> Iterator[Finding]:
    for section, end in facts.certificates.items():
        if end <= facts.now:
            yield Finding("critical", f"certificate of [{section}]", f"it ended {ago(facts.now - end)} ago")
        elif end - facts.now < RENEWAL_SECONDS:
            yield Finding("warning", f"certificate of [{section}]", f"it ends in {ago(end - facts.now)}")
