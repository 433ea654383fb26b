"""What ``/metrics`` of this host shows, from all its processes."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import isinf
from typing import Protocol

import structlog
from attrs import frozen

from smsfs import __version__
from smsfs.cli.supervisor import Worker
from smsfs.config import Config
from smsfs.errors import ConfigurationError
from smsfs.frontends.certificate import Certificate
from smsfs.frontends.figures import StoreFigures
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.metrics import Guard, MetricsPage
from smsfs.metrics import Sample, merged, tally
from smsfs.metrics.catalog import (
    BUILD_INFO,
    CERTIFICATE_EXPIRY,
    DISK_FREE,
    DISK_SIZE,
    LOGINS,
    PER_ADDRESS_LIMIT,
    PER_ADDRESS_MAX,
    PROCESS_UP,
    SESSIONS,
)
from smsfs.ranges import networks
from smsfs.secret.places import found_secret
from smsfs.sections import WebConfig
from smsfs.store import Store

log = structlog.get_logger()


class Door(Protocol):
    """A server, as far as its numbers go."""

    limits: AddressLimits

    @property
    def sessions(self) -> int:
        """Connections that have logged in."""


@frozen
class Host:
    """What there is on this host.

    Attributes:
        config: the configuration.
        store: the store.
        workers: the processes of the pipeline.
        doors: the servers, by protocol.
        certificates: those in use, by the section that names them.
    """

    config: Config
    store: Store
    workers: Iterable[Worker]
    doors: Mapping[str, Door]
    certificates: Mapping[str, Certificate]


def metrics_page(host: Host) -> MetricsPage:
    """The page; with a token that cannot be read, for callers on this host and from ``metrics_from`` only."""
    web = host.config.web or WebConfig()
    tally.by_account = web.metrics_accounts
    for protocol in host.doors:
        for result in ("ok", "failed", "banned"):
            tally.add(LOGINS, 0, protocol, "password", result)
    figures = StoreFigures(host.store, host.config.backends, by_account=web.metrics_accounts)

    async def gather() -> list[Sample]:
        told = merged([tally.told(), *(worker.told() for worker in host.workers)])
        return [*told.counted, *told.measured, *_measured(host), *await figures.samples()]

    return MetricsPage(_guard(web, host.config), gather)


def _guard(web: WebConfig, config: Config) -> Guard:
    token = ""
    try:
        token = found_secret(web, "metrics_token", config.data).shown()
    except ConfigurationError as exc:
        log.warning("metrics_token_left_out", reason=str(exc))
    sources = networks("metrics_from", web.metrics_from)
    return Guard(token, sources, networks("trusted_proxies", web.trusted_proxies))


def _measured(host: Host) -> Iterator[Sample]:
    yield Sample(BUILD_INFO.name, (__version__,), 1)
    for protocol, door in host.doors.items():
        yield Sample(SESSIONS.name, (protocol,), door.sessions)
        yield Sample(PER_ADDRESS_MAX.name, (protocol,), door.limits.most)
        yield Sample(PER_ADDRESS_LIMIT.name, (protocol,), door.limits.max_per_address)
    for kind in {worker.name for worker in host.workers}:
        up = any(not worker.trouble() for worker in host.workers if worker.name == kind)
        yield Sample(PROCESS_UP.name, (kind,), float(up))
    for section, certificate in host.certificates.items():
        if not isinf(certificate.ends()):
            yield Sample(CERTIFICATE_EXPIRY.name, (section,), certificate.ends())
    with suppress(OSError):  # on PostgreSQL, there may be no folder
        disk = shutil.disk_usage(host.config.data)
        yield Sample(DISK_FREE.name, (), disk.free)
        yield Sample(DISK_SIZE.name, (), disk.total)
