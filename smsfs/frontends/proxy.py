"""The PROXY protocol: a load balancer says first of all whose connection it passes on.

Source: HAProxy's proxy-protocol.txt, versions 1 (a line of text) and 2 (binary). Whoever may send a header
can pretend to be anyone, so one is read from configured addresses only, and is required there.
"""

import asyncio
import ipaddress
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import structlog
from attrs import frozen

from smsfs import ranges
from smsfs.errors import ConfigurationError
from smsfs.ranges import Network

#: A line of version 1 has at most this many bytes, CR LF included (section 2.1).
MAX_LINE = 107
#: What follows the 16 bytes of a header of version 2, at most: the addresses and 4 KiB of additions. The
#: format itself allows 64 KiB, a balancer sends some hundreds.
MAX_REST = 216 + 4096

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LINE_START = b"PROXY "
_SHORTEST = b"PROXY UNKNOWN\r\n"
_FIXED = struct.Struct(">12sBBH")
_VERSION = 2
_LOCAL, _PROXY = 0, 1
_LAST_PORT = 65535
#: Address family and transport -> how the addresses are laid out: source, destination, their ports.
_TCP4, _TCP6, _UNIX_STREAM = 0x11, 0x21, 0x31
_LAYOUTS = {
    _TCP4: struct.Struct(">4s4sHH"),
    _TCP6: struct.Struct(">16s16sHH"),
    _UNIX_STREAM: struct.Struct(">108s108s"),
}
_LINE_FAMILIES: dict[bytes, type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]] = {
    b"TCP4": ipaddress.IPv4Address,
    b"TCP6": ipaddress.IPv6Address,
}
_LINE_FIELDS = 6


class ProxyError(Exception):
    """The bytes are not a header of the PROXY protocol; says what is wrong with them."""


@frozen
class Header:
    """A complete header.

    Attributes:
        peer: the client's address and port; None when the balancer speaks for itself (a health check) or
            knows no network address, and the connection's own end counts.
    """

    peer: tuple[str, int] | None


def parse(data: bytes) -> Header | None:
    """The header that ``data`` begins with; None while more bytes are needed to know.

    Raises:
        ProxyError: it begins with none, or a broken one.
    """
    if _begins(data, _SIGNATURE):
        return _binary(data)
    if _begins(data, _LINE_START):
        return _line(data)
    raise ProxyError("it begins with something else")


def missing(data: bytes) -> int:
    """How many bytes behind an incomplete header are part of it for sure; what follows is the client's."""
    if len(data) < len(_SHORTEST):
        return len(_SHORTEST) - len(data)
    if not data.startswith(_SIGNATURE):
        return 1 if data.endswith(b"\r") else 2
    length = _FIXED.unpack(data[: _FIXED.size])[-1] if len(data) >= _FIXED.size else 0
    return int(_FIXED.size + length - len(data))


def _begins(data: bytes, start: bytes) -> bool:
    """Whether ``data`` begins so, or may when more of it is there."""
    return data[: len(start)] == start[: len(data)]


def _line(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end >= 0:
        return Header(_line_peer(data[:end]))
    if len(data) >= MAX_LINE:
        raise ProxyError(f"its line is not over after {MAX_LINE} bytes")
    return None


def _line_peer(line: bytes) -> tuple[str, int] | None:
    fields = line.split(b" ")
    if fields[1] == b"UNKNOWN":
        return None
    family = _LINE_FAMILIES.get(fields[1])
    if family is None or len(fields) != _LINE_FIELDS:
        raise ProxyError(f"its line is {line!r}")
    try:
        source, _ = (_address(family, field) for field in fields[2:4])
        port, _ = (_port(field) for field in fields[4:])
    except ValueError as exc:
        raise ProxyError(f"its line is {line!r}") from exc
    return source, port


def _address(family: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address], field: bytes) -> str:
    if b"%" in field:
        raise ValueError("a zone is no part of an address on the wire")
    return str(family(field.decode("ascii")))


def _port(field: bytes) -> int:
    if not field.isdigit() or str(int(field[:6])).encode() != field or int(field) > _LAST_PORT:
        raise ValueError("no port")
    return int(field)


def _binary(data: bytes) -> Header | None:
    if len(data) < _FIXED.size:
        return None
    _, version_and_command, family, length = _FIXED.unpack_from(data)
    version, command = divmod(version_and_command, 16)
    if version != _VERSION or command not in (_LOCAL, _PROXY):
        raise ProxyError(f"version {version}, command {command}")
    if length > MAX_REST:
        raise ProxyError(f"{length} bytes of addresses and additions")
    size = _FIXED.size + length
    if len(data) < size:
        return None
    peer = None if command == _LOCAL else _binary_peer(family, data[_FIXED.size : size])
    return Header(peer)


def _binary_peer(family: int, rest: bytes) -> tuple[str, int] | None:
    """The source address; additions behind the addresses (TLVs) are passed over."""
    if family == 0:
        return None
    layout = _LAYOUTS.get(family)
    if layout is None or len(rest) < layout.size:
        raise ProxyError(f"address family and transport {family:#04x} with {len(rest)} bytes")
    if family == _UNIX_STREAM:
        return None
    source, _, port, _ = layout.unpack_from(rest)
    return str(ipaddress.ip_address(source)), port


def read_header(sock: socket.socket, timeout: float) -> Header:
    """Read a header from a connection, and nothing of what follows it; blocks.

    Raises:
        ProxyError: it begins with none, or it did not come in ``timeout`` seconds.
        OSError: the connection failed.
    """
    data, deadline = b"", time.monotonic() + timeout
    while (header := parse(data)) is None:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            more = sock.recv(missing(data))
        except TimeoutError:
            raise ProxyError("it did not come in time") from None
        if not more:
            raise ProxyError("the connection ended before it")
        data += more
    return header


def networks(texts: Iterable[str]) -> list[Network]:
    """The networks that configuration names.

    Raises:
        ConfigurationError: an entry is neither an address nor a network.
    """
    try:
        return ranges.networks("proxy_from", texts)
    except ValueError as exc:
        raise ConfigurationError(f"{exc}.") from exc


def is_within(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks; IPv4 written as IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in trusted)


class _PassedOn:
    """A transport whose peer is the client instead of the balancer."""

    def __init__(self, transport: asyncio.Transport, peer: tuple[str, int]) -> None:
        self._transport = transport
        self._peer = peer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else self._transport.get_extra_info(name, default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class ProxyGate(asyncio.BufferedProtocol):
    """A connection's first protocol: reads the header where one is due, and no more, then steps aside.

    Args:
        protocol: makes the protocol that the connection is for.
        trusted: a header is required from these addresses, and not looked for from any other.
        timeout: seconds that a header may take.
        waiting: holds the gate while it waits for its header, so that a server that stops can ``close`` it.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        trusted: Sequence[Network],
        timeout: float,
        waiting: "set[ProxyGate]",
    ) -> None:
        self._protocol = protocol
        self._trusted = trusted
        self._timeout = timeout
        self._waiting = waiting
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look who connects."""
        self._transport = cast("asyncio.Transport", transport)
        self._proxy = str((transport.get_extra_info("peername") or ("unknown",))[0])
        self._log = structlog.get_logger(proxy=self._proxy, stranger=True)
        if is_within(self._proxy, self._trusted):
            self._waiting.add(self)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout, self._refuse, "it did not come in time")
        else:
            self._step_aside(None)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Room for what is missing of the header."""
        del sizehint
        self._room = bytearray(missing(self._data))
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Gather the header, however it is cut into pieces."""
        self._data += self._room[:nbytes]
        try:
            header = parse(self._data)
        except ProxyError as exc:
            self._refuse(str(exc))
        else:
            if header:
                self._done()
                self._step_aside(header.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """It closed before its header was whole, as a health check does that only connects."""
        self._done()
        self._log.debug("connection_lost", reason=str(exc) if exc else None)

    def close(self) -> None:
        """Give up waiting."""
        self._done()
        self._transport.abort()

    def _done(self) -> None:
        self._waiting.discard(self)
        self._timer.cancel()

    def _refuse(self, reason: str) -> None:
        self._log.warning("proxy_header_missing", reason=reason)
        self.close()

    def _step_aside(self, peer: tuple[str, int] | None) -> None:
        protocol = self._protocol()
        self._transport.set_protocol(protocol)
        transport = self._transport if peer is None else cast("Any", _PassedOn(self._transport, peer))
        protocol.connection_made(transport)
