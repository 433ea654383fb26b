"""The settings of an SFTP server, and asyncssh's options that follow from them."""

from collections.abc import Callable, Iterable, Sequence

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from attrs import field, frozen

from smsfs.frontends.doorway import SharedLimits
from smsfs.ranges import Network

_KEX = ("mlkem", "curve25519-", "ecdh-sha2-nistp")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
_MACS = [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
]
_RSA_SIGNATURES = (b"rsa-sha2-256", b"rsa-sha2-512")
_SIGNATURES = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    *(name.decode() for name in _RSA_SIGNATURES),
]
_LEGACY_KEX = ("diffie-hellman-",)
_LEGACY_CIPHERS = ("aes192-ctr", "aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc")
_LEGACY_MACS = ["hmac-sha1-etm@openssh.com", "hmac-sha1"]
_LEGACY_SIGNATURES = ["ssh-rsa"]


@frozen
class SftpSettings:
    """The limits and algorithms of an SFTP server; times are seconds.

    Attributes:
        host_keys: loaded private keys, at most one of a type.
        listen: host and port pairs; port 0 takes a free one.
        login_timeout: from connecting to being logged in; before that, as long again for a balancer's header.
        max_auth_tries: wrong passwords and keys before the connection is closed.
        max_connections: of all addresses.
        max_connections_per_address: of one IPv4 address or one IPv6 /64.
        ban_after: failed logins within ``ban_window`` that ban an address for ``ban_time``.
        max_sessions: SFTP sessions open at a time on one connection.
        idle_timeout: without a request, the connection is closed.
        legacy_algorithms: also SHA-1, CBC and small Diffie-Hellman groups, for clients of long ago.
        threads: calls of the filesystem at a time.
        proxy_from: where load balancers connect from, which say by the PROXY protocol whose connection it is.
        limits: what accounts, and connections without a login, may take.
    """

    host_keys: Sequence[asyncssh.SSHKey]
    listen: Sequence[tuple[str, int]] = (("127.0.0.1", 8022),)
    login_timeout: float = 30
    max_auth_tries: int = 6
    max_connections: int = 500
    max_connections_per_address: int = 20
    ban_after: int = 15
    ban_window: float = 600
    ban_time: float = 600
    max_sessions: int = 10
    idle_timeout: float = 900
    legacy_algorithms: bool = field(default=False, kw_only=True)
    threads: int = 16
    proxy_from: Sequence[Network] = ()
    limits: SharedLimits = field(factory=SharedLimits)


def refuse_sha1(key: asyncssh.SSHKey) -> None:
    """Keep an RSA key from making or accepting SHA-1 signatures.

    asyncssh only announces its ``signature_algs``; what it verifies is the key's own list.
    """
    if key.algorithm == b"ssh-rsa":
        key.sig_algorithms = _RSA_SIGNATURES
        key.all_sig_algorithms = set(_RSA_SIGNATURES)


def _known(known: Iterable[bytes], beginnings: tuple[str, ...]) -> list[str]:
    """The algorithms that begin so and that asyncssh has: which it has depends on its libraries."""
    names = [name.decode() for name in known]
    return [name for beginning in beginnings for name in names if name.startswith(beginning)]


def ssh_options(
    settings: SftpSettings, server_factory: Callable[[], asyncssh.SSHServer]
) -> asyncssh.SSHServerConnectionOptions:
    """The options of asyncssh: SFTP only, nothing forwarded, no algorithm that is broken or slow.

    ChaCha20 is left out because it costs six times AES-GCM per packet here, Diffie-Hellman over integers
    because its cost invites abuse. The keys are objects and ``gss_host`` is None because asyncssh evaluates
    its options again at each login: key files would be read, and the host's name looked up, each time.
    """
    legacy = settings.legacy_algorithms
    if not legacy:
        for key in settings.host_keys:
            refuse_sha1(key)
    return asyncssh.SSHServerConnectionOptions(
        server_factory=server_factory,
        server_version="smsfs",
        server_host_keys=list(settings.host_keys),
        kex_algs=_known(get_kex_algs(), _KEX + _LEGACY_KEX if legacy else _KEX),
        encryption_algs=_known(get_encryption_algs(), _CIPHERS + _LEGACY_CIPHERS if legacy else _CIPHERS),
        mac_algs=_MACS + _LEGACY_MACS if legacy else _MACS,
        signature_algs=_SIGNATURES + _LEGACY_SIGNATURES if legacy else _SIGNATURES,
        compression_algs=None,
        host_based_auth=False,
        gss_host=None,
        gss_kex=False,
        gss_auth=False,
        login_timeout=settings.login_timeout,
        keepalive_interval=30,
        encoding=None,
        line_editor=False,
        allow_pty=False,
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
    )
