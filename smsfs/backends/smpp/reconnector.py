"""Keeps one bind up: connects, binds, and does so again after every loss."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from smsfs.backends.smpp.backoff import Backoff
from smsfs.backends.smpp.link import BindRefused, Kind, Link, Owner
from smsfs.backends.smpp.options import SmppConfig, Trust

CONNECT_SECONDS = 10.0


class Switchboard(Owner, Protocol):
    """What uses the links."""

    def up(self, link: Link) -> None:
        """A bind came up."""

    def down(self, link: Link) -> None:
        """A bind is gone."""


class Reconnector:
    """One bind.

    Args:
        config: of the SMSC.
        trust: says how to encrypt, and what the password is.
        owner: who uses the link while it is up.
        log: where losses are reported.
        jitter: gives a number from 0 to 1; random if None.
        kind: what to bind as.
    """

    def __init__(
        self,
        config: SmppConfig,
        trust: Trust,
        owner: Switchboard,
        log: structlog.typing.FilteringBoundLogger,
        jitter: Callable[[], float] | None,
        kind: Kind,
    ) -> None:
        self._kind = kind
        self._config, self._trust, self._owner, self._log = config, trust, owner, log
        backoff = partial(Backoff, config.reconnect_first, config.reconnect_longest)
        self._backoff = backoff(jitter) if jitter else backoff()
        self._next_attempt = 0.0
        #: Why the bind is not up, as a clause.
        self.reason = "not connected yet"
        self._stopping = asyncio.Event()

    def wait(self, now: float) -> float:
        """Seconds until the next attempt to connect."""
        return max(0.0, self._next_attempt - now)

    def stop(self) -> None:
        """Connect no more."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the bind up until ``stop``."""
        while not self._stopping.is_set():
            self.reason = reason = await self._once()
            if self._stopping.is_set():
                return
            wait = self._backoff.failed()
            self._next_attempt = asyncio.get_running_loop().time() + wait
            self._log.warning("smsc_away", address=self._address, reason=reason, retry_in=round(wait, 1))
            try:
                await asyncio.wait_for(self._stopping.wait(), wait)
            except TimeoutError:
                continue

    @property
    def _address(self) -> str:
        return f"{self._config.host}:{self._config.port}"

    async def _once(self) -> str:
        """Connect, bind, and wait for the end; why it ended."""
        link = None
        try:
            link = await self._connect()
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.shield(link.bound)
        except TimeoutError:
            reason = (
                f"no answer to the {'login' if link else 'connection'} within {CONNECT_SECONDS:g} seconds"
            )
        except BindRefused as exc:
            reason = str(exc)
        except (OSError, UnicodeError) as exc:  # a name that cannot be one of a host is the latter
            reason = f"cannot connect: {_why(exc)}"
        except asyncio.CancelledError:
            if link:
                link.abort("stopped")
            raise
        else:
            return await self._use(link)
        if link:
            link.abort(reason)
        return reason

    async def _connect(self) -> Link:
        """Try each address of the host: the one that is silent may be the first."""
        host, loop = self._config.host, asyncio.get_running_loop()
        context, password = await asyncio.to_thread(self._trust.read)
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await loop.getaddrinfo(host, self._config.port, type=socket.SOCK_STREAM)
        *others, last = [address[:2] for *_, address in found]
        for address in others:
            with suppress(OSError):
                return await self._connect_to(context, password, *address)
        return await self._connect_to(context, password, *last)

    async def _connect_to(
        self, context: ssl.SSLContext | None, password: str, address: str | int, port: int | bytes
    ) -> Link:
        make = partial(Link, self._config, self._owner, self._kind, password)
        name = self._config.host if context else None
        async with asyncio.timeout(CONNECT_SECONDS):
            _, link = await asyncio.get_running_loop().create_connection(
                make, str(address), int(port), ssl=context, server_hostname=name
            )
        return link

    async def _use(self, link: Link) -> str:
        self._log.info("smsc_bound", address=self._address, system_id=self._config.system_id, bind=self._kind)
        loop = asyncio.get_running_loop()
        since = loop.time()
        self._owner.up(link)
        try:
            reason = await asyncio.shield(link.closed)
        finally:
            self._owner.down(link)
            link.abort("stopped")
        if link.proved or loop.time() - since > self._config.reconnect_longest:
            self._backoff.worked()
        return reason


def _why(exc: OSError | UnicodeError) -> str:
    """The system's words, without the address that asyncio puts in their place, or the place in OpenSSL."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {exc.verify_message.rstrip('.')}"
    if isinstance(exc, ssl.SSLError):
        reason = (exc.reason or str(exc)).replace("_", " ").lower()
        return f"no TLS with it: {reason}; does it speak TLS on this port?"
    if isinstance(exc, ConnectionError) and exc.errno:
        return os.strerror(exc.errno)
    return getattr(exc, "strerror", None) or str(exc)
