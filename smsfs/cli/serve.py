"""``smsfs serve``: the frontends in this process, the pipeline in three others."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import click
import structlog
import uvloop
from attrs import evolve

from smsfs import __version__
from smsfs.cli.carriers import check_carrier
from smsfs.cli.common import config_option, end_damaged, filesystems, running_with
from smsfs.cli.descriptors import planned, raise_limit, shared, wanted
from smsfs.cli.forked import Waiting, fork_waiting
from smsfs.cli.hangups import hold_hangups, tell_hangups
from smsfs.cli.supervisor import Watch, Worker
from smsfs.config import Config, find, load
from smsfs.errors import ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.frontends.bans import Ledger
from smsfs.frontends.certificate import Certificate
from smsfs.frontends.doorway import SharedLimits
from smsfs.frontends.logins import Logins, host_keys
from smsfs.frontends.proxy import networks
from smsfs.frontends.sftp import SftpServer, SftpSettings
from smsfs.sections import FtpConfig, SftpConfig, WebConfig
from smsfs.store import Process, Store

if TYPE_CHECKING:
    from smsfs.frontends.ftp import FtpServer
    from smsfs.frontends.web import Readiness, WebServer

    Doors = dict[str, SftpServer | FtpServer]

EARLIEST_YEAR = 2020
#: A start waits no longer for the look over the store: of a large one, a part is looked at.
LOOK_SECONDS = 5.0
DAMAGE_POLL_SECONDS = 0.1
#: On a damaged store nothing can be finished: sessions and workers are given this long, whatever the grace,
#: and the health page as long at least to say why.
DAMAGE_GRACE = 2.0

log = structlog.get_logger()


@click.command()
@config_option
def serve(config_file: Path | None) -> None:
    """Run the servers and the pipeline until SIGTERM or SIGINT.

    Prints one line "ready" for each listener. A second signal ends it at once; nothing is lost.
    """
    hold_hangups()
    config = load(config_file)
    waiting = _fork_workers(config)
    with running_with(config, "front", make=True) as store:
        _check_clock(datetime.fromtimestamp(store.now(), UTC))
        _check_backends(config)
        if not store.look_over(LOOK_SECONDS):
            log.info("looked_over_in_part", seconds=LOOK_SECONDS, hint="smsfs fsck looks at all of the store")
        tell_hangups()
        uvloop.run(_serve(config, config_file, store, waiting))
        end_damaged(store)


def _check_backends(config: Config) -> None:
    """With one backend that works, the server starts, and the others are down until they are mended.

    Raises:
        ConfigurationError: none of them can work, so nothing could be sent.
    """
    faults = []
    for options in config.backends.values():
        try:
            check_carrier(options, config.data)
        except ConfigurationError as exc:
            faults.append(exc)
    if faults and len(faults) == len(config.backends):
        raise faults[0]


def _check_clock(now: datetime) -> None:
    """What is submitted by the clock of a host whose clock is not set would be stale once it is.

    Raises:
        ConfigurationError: it cannot be that early.
    """
    if now.year < EARLIEST_YEAR:
        raise ConfigurationError(
            f"The clock says {now:%Y-%m-%d}: set it first; what is sent, and what is kept, goes by it."
        )


def _fork_workers(config: Config) -> list[Waiting]:
    """Processes that wait to be workers, with the limits of this one, before it has anything of its own."""
    from smsfs.cli import main  # noqa: PLC0415 -- which imports this

    import_module("smsfs.cli.worker")  # once for all of them
    raise_limit(wanted(config))
    return fork_waiting(len(_worker_names(config)), main)


def _worker_names(config: Config) -> list[str]:
    readers = config.pipeline.reader_processes(len(os.sched_getaffinity(0)))
    return [*["intake"] * readers, "dispatch", "reports"]


async def _serve(config: Config, config_file: Path | None, store: Store, waiting: list[Waiting]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_end, stop)
    await asyncio.to_thread(store.settle)
    owner = await asyncio.to_thread(store.register, "front")
    for reason in await asyncio.to_thread(store.concerns, config.store.connections):
        log.warning("store_settings", reason=reason)
    room = planned(config)
    logins = Logins(store, filesystems(store, owner, room.files))
    keys = await asyncio.to_thread(host_keys, store)
    limits = shared(config.limits)
    sftp_settings = evolve(_sftp_settings(config.sftp, keys), max_connections=room.sftp, limits=limits)
    ledger = Ledger(store)
    sftp = SftpServer(sftp_settings, logins.through("sftp"), logins, ledger)
    ftp = _ftp_server(config.ftp, (logins, ledger), room.ftp, limits)
    with _naming("web"):
        web_addresses = [address(text) for text in config.web.listen] if config.web else []
    certificates = _certificates(config.web, ftp)
    named = zip_longest(_worker_names(config), waiting)
    workers = [Worker(name, config_file, store, config, process) for name, process in named]
    watch = Watch(store, owner, workers)
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    watching = asyncio.create_task(watch.run())
    web, grace = None, config.pipeline.stop_grace
    try:
        await _listen("sftp", sftp)
        if ftp:
            await _listen("ftp", ftp)
            _print_ready("ftps", ftp.implicit_addresses)
        readiness = partial(_unready, stop, store, owner, watch)
        doors: Doors = {what: server for what, server in (("sftp", sftp), ("ftp", ftp)) if server}
        shown = (workers, doors, certificates)
        web = await _listen_web(web_addresses, readiness, watch, (config, store), shown, (logins, ledger))
        servers = {"sftp": sftp, "ftp": ftp, "web": web}
        listeners = {what: server.addresses for what, server in servers.items() if server}
        listeners |= {"ftps": ftp.implicit_addresses} if ftp else {}
        _tell_start(config, config_file, listeners)
        grace = await _until_stopped(stop, store, config.pipeline.stop_grace)
    finally:
        await asyncio.gather(*(server.stop(grace) for server in (sftp, ftp) if server))
        await asyncio.gather(*(worker.stop(grace) for worker in workers))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await asyncio.gather(*tasks)
        if web:
            await web.stop()
        ledger.close()
        logins.close()
        log.info("stopped")


def _tell_start(
    config: Config, config_file: Path | None, listeners: Mapping[str, list[tuple[str, int]]]
) -> None:
    """What runs, of which store, and where: for someone who reads the log weeks later."""
    log.info(
        "started",
        version=__version__,
        configuration=str(find(config_file) or "none"),
        store=config.store.shown,
        listeners=[f"{what} {name_of(place)}" for what, places in listeners.items() for place in places],
    )


async def _until_stopped(stop: asyncio.Event, store: Store, grace: float) -> float:
    """Wait for a signal, or for damage; the seconds that those who are busy get."""
    while not stop.is_set():
        found = store.damaged()
        if found and store.ends_when_damaged:
            log.critical("store_damaged", store=found.where, reason=found.what, hint=found.sentence)
            await asyncio.sleep(DAMAGE_GRACE)  # so that every check of the health page hears of it
            return min(grace, DAMAGE_GRACE)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), DAMAGE_POLL_SECONDS)
    log.info("stopping", grace=grace)
    return grace


def _stop_or_end(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(1)
    stop.set()


async def _listen(what: str, server: "SftpServer | FtpServer") -> None:
    await server.listen()
    _print_ready(what, server.addresses)


async def _listen_web(
    addresses: list[tuple[str, int]],
    readiness: "Readiness",
    watch: Watch,
    hooked: tuple[Config, Store],
    shown: "tuple[list[Worker], Doors, dict[str, Certificate]]",
    keepers: tuple[Logins, Ledger],
) -> "WebServer | None":
    if not addresses:
        return None
    from smsfs.cli.hooks import hooks_of  # noqa: PLC0415 -- as for FTP
    from smsfs.cli.metrics import Host, metrics_page  # noqa: PLC0415 -- as for FTP
    from smsfs.cli.page import pages_of  # noqa: PLC0415 -- as for FTP
    from smsfs.frontends.web import start_web  # noqa: PLC0415 -- as for FTP

    hooks = hooks_of(*hooked)
    watch.webhooks = hooks.refusals

    def warnings() -> str:
        return " ".join(filter(None, (watch.warning(), hooks.warning())))

    workers, doors, certificates = shown
    metrics = metrics_page(Host(*hooked, workers, doors, certificates))
    certificate = certificates.get("web")
    tls = certificate.context if certificate else None
    pages = pages_of(*hooked, *keepers)
    routes = [*hooks.routes(), *metrics.routes(), *(pages.routes() if pages else [])]
    web = await start_web(addresses, readiness, warnings, routes, tls)
    web.closing += [pages.close] if pages else []
    _print_ready("web", web.addresses)
    return web


def _print_ready(what: str, addresses: list[tuple[str, int]]) -> None:
    for address_ in addresses:
        click.echo(f"ready {what} {name_of(address_)}")
    sys.stdout.flush()


def name_of(place: tuple[str, int]) -> str:
    """An address as it is written in the configuration."""
    host, port = place
    return f"{f'[{host}]' if ':' in host else host}:{port}"


async def _unready(stop: asyncio.Event, store: Store, owner: Process, watch: Watch) -> str | None:
    """Why no new clients should come, in a sentence; None when they may."""
    sentence = None if stop.is_set() else await asyncio.to_thread(_store_fault, store, owner)
    sentence = sentence or watch.fault()
    return "This host is stopping and takes no new sessions." if stop.is_set() else sentence


def _store_fault(store: Store, owner: Process) -> str | None:
    """Whether the store takes a change; a lease that ran out while it was away is replaced.

    The next upload would do the same.
    """
    found = store.damaged()
    if found:
        return found.sentence
    try:
        store.touch(store.current(owner))
    except (StoreUnavailable, StoreDamaged) as exc:
        return exc.sentence
    return None


def _sftp_settings(config: SftpConfig, keys: list[asyncssh.SSHKey]) -> SftpSettings:
    only = {name: getattr(config, name) for name in ("max_sessions", "legacy_algorithms")}
    return SftpSettings(keys, **_limits("sftp", config), **only)


def _limits(section: str, config: SftpConfig | FtpConfig) -> dict[str, Any]:
    """The options that both kinds of servers share."""
    same = (
        *("login_timeout", "max_auth_tries", "max_connections", "max_connections_per_address", "ban_after"),
        *("ban_window", "ban_time", "idle_timeout"),
    )
    with _naming(section):
        listen, proxy_from = [address(text) for text in config.listen], networks(config.proxy_from)
    return {"listen": listen, "proxy_from": proxy_from, **{name: getattr(config, name) for name in same}}


def _ftp_server(
    config: FtpConfig | None, keepers: tuple[Logins, Ledger], connections: int, limits: SharedLimits
) -> "FtpServer | None":
    """The FTP server, if there is to be one.

    Raises:
        ConfigurationError: the options cannot work.
    """
    if config is None:
        return None
    from smsfs.frontends import ftp  # noqa: PLC0415 -- a server without FTP starts without its library

    key = Path(config.key) if config.key else None
    with _naming("ftp"):
        implicit_listen = [address(text) for text in config.implicit_listen]
    settings = ftp.FtpSettings(
        ftp.Certificate(Path(config.certificate), key) if config.certificate else None,
        plain=config.plain,
        implicit_listen=implicit_listen,
        passive_ports=ftp.passive_range(config.passive_ports),
        masquerade_address=config.masquerade_address,
        **_limits("ftp", config),
    )
    logins, ledger = keepers
    settings = evolve(settings, max_connections=connections, limits=limits)
    return ftp.FtpServer(settings, logins.through("ftps"), logins, ledger, logins.through("ftp"))


def _certificates(config: WebConfig | None, ftp: "FtpServer | None") -> dict[str, Certificate]:
    """The certificates in use, by the section that names them.

    Raises:
        ConfigurationError: that of ``[web]`` cannot be used.
    """
    found = {}
    if ftp and ftp.settings.certificate:
        found["ftp"] = ftp.settings.certificate
    if config and config.certificate:
        key = Path(config.key) if config.key else None
        found["web"] = Certificate(Path(config.certificate), key, "web")
    return found


@contextmanager
def _naming(section: str) -> Iterator[None]:
    """Tell in which section it is that something is wrong."""
    try:
        yield
    except ConfigurationError as exc:
        raise ConfigurationError(f"[{section}] {exc}") from None


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``.

    Raises:
        ConfigurationError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 -- TCP's last port
        raise ConfigurationError(f"listen: {text!r} is no address of the kind 127.0.0.1:8022 or [::1]:8022.")
    return host.strip("[]"), int(port)
