"""``smsfs serve``: the frontends in this process, the pipeline in three others."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncssh
import click
import structlog
from attrs import evolve

from smsfs.backends.smpp.options import SmppConfig, tls_context
from smsfs.cli.common import DAMAGED, TEMPORARY, config_option, end_damaged, filesystems, running
from smsfs.cli.descriptors import planned, shared
from smsfs.cli.in_hand import InHand, is_own_fault
from smsfs.config import Config, FtpConfig, SftpConfig
from smsfs.errors import ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.frontends.doorway import SharedLimits
from smsfs.frontends.logins import Logins, host_keys
from smsfs.frontends.proxy import networks
from smsfs.frontends.sftp import SftpServer, SftpSettings
from smsfs.store import Owner, Store

if TYPE_CHECKING:
    from smsfs.frontends.ftp import FtpServer
    from smsfs.frontends.web import Readiness, WebServer

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
STEADY_SECONDS = 60.0
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
    with running(config_file, "front", make=True) as (config, store):
        _check_clock(datetime.fromtimestamp(store.now(), UTC))
        _check_backends(config)
        if not store.look_over(LOOK_SECONDS):
            log.info("looked_over_in_part", seconds=LOOK_SECONDS, hint="smsfs fsck looks at all of the store")
        asyncio.run(_serve(config, config_file, store))
        end_damaged(store)


def _check_backends(config: Config) -> None:
    """With one backend that works, the server starts, and the others are down until they are mended.

    Raises:
        ConfigurationError: none of them can work, so nothing could be sent.
    """
    faults = []
    for options in config.backends.values():
        try:
            if isinstance(options, SmppConfig):
                tls_context(options, config.data)
        except ConfigurationError as exc:
            faults.append(exc)
    if faults and len(faults) == len(config.backends):
        raise faults[0]


def _check_clock(now: datetime) -> None:
    """What is submitted by the clock of a host that has not been told the time would be stale once it is.

    Raises:
        ConfigurationError: it cannot be that early.
    """
    if now.year < EARLIEST_YEAR:
        raise ConfigurationError(
            f"The clock says {now:%Y-%m-%d}: set it first; what is sent, and what is kept, goes by it."
        )


async def _serve(config: Config, config_file: Path | None, store: Store) -> None:
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
    sftp = SftpServer(sftp_settings, logins, logins)
    ftp = _ftp_server(config.ftp, logins, room.ftp, limits)
    with _naming("web"):
        web_addresses = [address(text) for text in config.web.listen] if config.web else []
    names = ["intake"] * config.pipeline.reader_processes(len(os.sched_getaffinity(0)))
    workers = [Worker(name, config_file, store, config) for name in (*names, "dispatch", "reports")]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    web, grace = None, config.pipeline.stop_grace
    try:
        await _listen("sftp", sftp)
        if ftp:
            await _listen("ftp", ftp)
            _print_ready("ftps", ftp.implicit_addresses)
        web = await _listen_web(web_addresses, partial(_unready, stop, store, owner))
        grace = await _until_stopped(stop, store, config.pipeline.stop_grace)
    finally:
        await asyncio.gather(*(server.stop(grace) for server in (sftp, ftp) if server))
        await asyncio.gather(*(worker.stop(grace) for worker in workers))
        await asyncio.gather(*tasks)
        if web:
            await web.stop()
        logins.close()


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


async def _listen_web(addresses: list[tuple[str, int]], readiness: "Readiness") -> "WebServer | None":
    if not addresses:
        return None
    from smsfs.frontends.web import start_web  # noqa: PLC0415 -- as for FTP

    web = await start_web(addresses, readiness)
    _print_ready("web", web.addresses)
    return web


def _print_ready(what: str, addresses: list[tuple[str, int]]) -> None:
    for host, port in addresses:
        click.echo(f"ready {what} {f'[{host}]' if ':' in host else host}:{port}")
    sys.stdout.flush()


async def _unready(stop: asyncio.Event, store: Store, owner: Owner) -> str | None:
    """Why no new clients should come, in a sentence; None when they may."""
    sentence = None if stop.is_set() else await asyncio.to_thread(_store_fault, store, owner)
    return "This host is stopping and takes no new sessions." if stop.is_set() else sentence


def _store_fault(store: Store, owner: Owner) -> str | None:
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
    """What both kinds of servers are told."""
    same = (
        *("login_timeout", "max_auth_tries", "max_connections", "max_connections_per_address", "ban_after"),
        *("ban_window", "ban_time", "idle_timeout"),
    )
    with _naming(section):
        listen, proxy_from = [address(text) for text in config.listen], networks(config.proxy_from)
    return {"listen": listen, "proxy_from": proxy_from, **{name: getattr(config, name) for name in same}}


def _ftp_server(
    config: FtpConfig | None, logins: Logins, connections: int, limits: SharedLimits
) -> "FtpServer | None":
    """The FTP server, if there is to be one.

    Raises:
        ConfigurationError: it is told what cannot be.
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
    return ftp.FtpServer(evolve(settings, max_connections=connections, limits=limits), logins, logins)


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


class Worker:
    """One process of the pipeline, started again when it ends by itself."""

    def __init__(self, name: str, config_file: Path | None, store: Store, config: Config) -> None:
        self._name = name
        self._config_file = config_file
        self._started = ""
        self._store = store
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._in_hand = InHand() if name == "intake" else None

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            try:
                status = await self._once()
                if status == DAMAGED:
                    what = f"{self._name} met it; the log says what it is"
                    self._store.condemn(StoreDamaged.told(what, str(self._config.database or "")))
                if self._stopping.is_set():
                    return
                log.error("worker_ended", worker=self._name, status=status, again_in=pause)
                await asyncio.to_thread(self._settle, status)
            except OSError as exc:  # the store or the host has no room; the next process settles at its start
                log.error("worker_not_settled", worker=self._name, reason=str(exc), again_in=pause)  # noqa: TRY400 -- the sentence says it all
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = FIRST_PAUSE if loop.time() - began > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)

    async def _once(self) -> int:
        self._started = uuid4().hex
        options = ["--name", self._started, *(["-c", str(self._config_file)] if self._config_file else [])]
        if self._in_hand:
            options += ["--in-hand", str(self._in_hand.descriptor)]
            self._in_hand.tell(0)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "smsfs", "worker", self._name, *options),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=[self._in_hand.descriptor] if self._in_hand else [],
        )
        if self._stopping.is_set() and self._process.stdin:  # stop() was too early to see this process
            self._process.stdin.close()
        return await self._process.wait()

    def _settle(self, status: int) -> None:
        """Have others go on with what it held; of a reader, note over which file it died."""
        with suppress(StoreUnavailable):
            self._store.settle(ended=self._started)
            batch = self._in_hand.told() if self._in_hand else 0
            if batch and status not in (TEMPORARY, DAMAGED):
                retry_at = self._store.now() + self._config.pipeline.retry_seconds
                self._store.queue.crashed(batch, retry_at, surely=is_own_fault(status))
                log.error("reader_died", batch=batch, status=status, its_fault=is_own_fault(status))

    async def stop(self, grace: float) -> None:
        """Let it finish what it has in hand, for as many seconds as ``grace``."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin:
            process.stdin.close()
        done, _ = await asyncio.wait({asyncio.create_task(process.wait())}, timeout=grace)
        if not done:
            log.error("worker_killed", worker=self._name)
            process.kill()
