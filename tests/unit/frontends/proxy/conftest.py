"""Headers as a balancer sends them, and a connection that a test holds both ends of."""

# ruff: noqa: D102 - the methods of the doubles are asyncio's

import asyncio
import ipaddress
import struct

import pytest
import structlog

from smsfs.frontends.proxy import ProxyGate, networks

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Headers:
    """Makes headers."""

    signature = SIGNATURE

    @staticmethod
    def line(source, port, destination=None):
        """Version 1."""
        family = f"TCP{ipaddress.ip_address(source).version}"
        return f"PROXY {family} {source} {destination or source} {port} 8022\r\n".encode()

    @staticmethod
    def raw(command, family, rest, version=2):
        """Version 2 with any fields."""
        return SIGNATURE + struct.pack(">BBH", version * 16 + command, family, len(rest)) + rest

    @classmethod
    def binary(cls, source, port, additions=b""):
        """Version 2 of a TCP connection."""
        address = ipaddress.ip_address(source)
        family = 0x11 if address.version == 4 else 0x21
        return cls.raw(1, family, address.packed * 2 + struct.pack(">HH", port, 8022) + additions)


class Transport:
    """The balancer's end of a connection, as far as a gate uses it."""

    def __init__(self, peer):
        self.peer, self.protocol, self.aborted = (peer, 40000), None, asyncio.Event()

    def get_extra_info(self, name, default=None):
        return {"peername": self.peer, "sockname": ("192.0.2.1", 8022)}.get(name, default)

    def set_protocol(self, protocol):
        self.protocol = protocol

    def is_closing(self):
        return self.aborted.is_set()

    def abort(self):
        self.aborted.set()


class Inner(asyncio.Protocol):
    """The protocol behind the gate; notes who connected, and what they sent."""

    def __init__(self):
        self.peer, self.local, self.data = None, None, b""

    def connection_made(self, transport):
        self.peer = transport.get_extra_info("peername")
        self.local = transport.get_extra_info("sockname")

    def data_received(self, data):
        self.data += data


class Gated:
    """A gate on a connection from ``peer``; made in a running event loop."""

    def __init__(self, peer, trusted=("192.0.2.0/24",), timeout=20.0):
        self.waiting, self.transport, self.inner = set(), Transport(peer), None
        self.gate = ProxyGate(self._make, networks(trusted), timeout, self.waiting)
        self.gate.connection_made(self.transport)

    def _make(self):
        self.inner = Inner()
        return self.inner

    def feed(self, *chunks):
        """Let bytes arrive, at whichever protocol the connection has by then."""
        for chunk in chunks:
            rest = chunk
            while rest and not self.transport.protocol and not self.transport.is_closing():
                room = self.gate.get_buffer(-1)
                taken = min(len(room), len(rest))
                room[:taken] = rest[:taken]
                self.gate.buffer_updated(taken)
                rest = rest[taken:]
            if rest and self.transport.protocol:
                self.transport.protocol.data_received(rest)


@pytest.fixture(scope="session")
def headers():
    """Makes headers."""
    return Headers


@pytest.fixture(scope="session")
def gated():
    """Makes a gate on a connection."""
    return Gated


@pytest.fixture
def events():
    """The log events of a test."""
    captured = structlog.testing.LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[captured])
    yield captured.entries
    structlog.configure(processors=before)
