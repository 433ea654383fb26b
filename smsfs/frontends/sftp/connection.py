"""asyncssh's connection, with what it leaves out: back-pressure, and the cipher that costs least."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import asyncssh
from asyncssh.constants import MSG_IGNORE, MSG_KEXINIT
from asyncssh.packet import SSHPacket

from smsfs.frontends.sftp.channel import WRITE_LIMITS

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacketLogger

#: What the clients of OpenSSH call themselves. They tell their algorithms without waiting for ours.
_OPENSSH = "SSH-2.0-OpenSSH_"
#: Seconds after which a client that only calls itself so is told ours all the same.
_PATIENCE = 1.0
_COOKIE_BYTES = 16


class Connection(asyncssh.SSHServerConnection):
    """asyncssh's connection with the back-pressure of TCP, which asyncssh does not pass on.

    Of the ciphers that both sides have, SSH takes the first of the client's list, and OpenSSH's lists
    aes128-ctr before aes128-gcm, which, its checksum included, takes a third less of our time. So its clients
    are answered with the algorithms that go with theirs: of ours only gcm, if they have that.
    """

    writable = True
    on_writable: Callable[[], None] | None = None
    _kept_back = False
    _has_told = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The network is there."""
        cast("asyncio.Transport", transport).set_write_buffer_limits(*WRITE_LIMITS)
        super().connection_made(transport)

    def _send_kexinit(self) -> None:
        """Tell our algorithms, or keep them back until the client has told its own."""
        if self._has_told or not str(self.get_extra_info("client_version", "")).startswith(_OPENSSH):
            super()._send_kexinit()
            return
        self._kept_back = self._has_told = True
        asyncio.get_running_loop().call_later(_PATIENCE, self._tell)

    def _tell(self) -> None:
        if self._kept_back:
            self._kept_back = False
            super()._send_kexinit()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> "bool | Awaitable[None]":
        """Process a packet."""
        if pkttype == MSG_KEXINIT and self._kept_back:
            gcm = [name for name in self._enc_algs if b"gcm" in name]
            self._enc_algs = gcm if _has_one(packet, gcm) else self._enc_algs
            self._tell()
        return super().process_packet(pkttype, pktid, packet)

    def send_packet(self, pkttype: int, *args: bytes, handler: "SSHPacketLogger | None" = None) -> None:
        """Send a packet, unless it is of no use."""
        # asyncssh sends an empty packet before each one, to hide what follows a CBC block; with any other
        # cipher that is a sixth of the server's time for nothing
        if pkttype != MSG_IGNORE or "cbc" in self.get_extra_info("send_cipher", "cbc"):
            super().send_packet(pkttype, *args, handler=handler)

    def pause_writing(self) -> None:
        """The network takes no more."""
        self.writable = False

    def resume_writing(self) -> None:
        """The network takes more."""
        self.writable = True
        if self.on_writable:
            self.on_writable()


def _has_one(kexinit: SSHPacket, ciphers: list[bytes]) -> bool:
    """Whether the client has one of these ciphers, for either direction (RFC 4253, section 7.1)."""
    told = SSHPacket(kexinit.get_full_payload())
    told.get_byte()
    told.get_bytes(_COOKIE_BYTES)
    _kex, _host_key, *both = (told.get_namelist() for _ in range(4))
    return all(set(ciphers) & set(names) for names in both)
