"""Who may log in: passwords and public keys of accounts, for every frontend."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

import asyncssh
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from smsfs.errors import NotAllowed
from smsfs.filesystem import Access, Filesystem, Filesystems, Right
from smsfs.filesystem.account import AccountFilesystem
from smsfs.frontends.watch import End, Watch
from smsfs.store import Account, Store

CACHE_SECONDS = 300.0
#: One hash takes 64 MiB while it is computed, and keeps four cores busy by itself.
HASH_THREADS = 1
#: The kinds of host keys -> how they are made.
HOST_KEYS: dict[str, dict[str, Any]] = {
    "ssh-ed25519": {},
    "ecdsa-sha2-nistp256": {},
    "ssh-rsa": {"key_size": 3072},
}

log = structlog.get_logger()
#: The account of the login that was checked last in this context, as it was then. What a session may do
#: depends on that, and not on its name, which another account may have by the time it opens a file.
_logged_in: ContextVar[Account | None] = ContextVar("logged_in", default=None)
_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """What the store keeps of a password."""
    return _hasher.hash(password)


class Logins:
    """Checks logins against the store.

    argon2 takes tens of milliseconds of a core on purpose: it runs in a thread of its own, and one that
    was verified is remembered for minutes, as a keyed hash, until the stored one changes. An unknown name is
    verified against a hash that fits no password, to take as long as a known one.
    """

    def __init__(self, store: Store, filesystems: Filesystems) -> None:
        self._store = store
        self._filesystems = filesystems
        self._watch = Watch(store)
        self._threads = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="argon2")
        self._secret = secrets.token_bytes(32)
        self._nobody = hash_password(secrets.token_hex())
        self._verified: dict[bytes, float] = {}

    async def password(self, username: str, password: str, peer: str) -> bool | None:
        """Whether the account exists, is open, and has this password; None when its hash is damaged.

        Raises:
            Exception: any; this could not be found out.
        """
        del peer
        account = await asyncio.to_thread(self._account, username)
        right = await self.matches(account.password if account else None, password)
        _logged_in.set(account if right else None)
        return right

    async def matches(self, stored: str | None, password: str) -> bool | None:
        """Whether a password is that of a stored hash; None when that is damaged.

        Without a hash it takes as long to say no.

        Raises:
            Exception: any; this could not be found out.
        """
        stored = stored or self._nobody
        known = hmac.digest(self._secret, f"{stored}\0{password}".encode("utf-8", "surrogatepass"), sha256)
        right: bool | None = self._verified.get(known, 0) > time.monotonic()
        if not right:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, _verify, stored, password)
            if right:
                self._remember(known)
        return right

    async def key(self, username: str, key: asyncssh.SSHKey, peer: str) -> bool | None:
        """Whether the account exists, is open, and has this public key.

        None when it is not among those that can be read, and one cannot be read.

        Raises:
            Exception: any; this could not be found out.
        """
        del peer
        account, right = await asyncio.to_thread(self._has_key, username, key)
        _logged_in.set(account if right else None)
        return right

    async def filesystem(self, username: str) -> AccountFilesystem:
        """The files of the account of this context's login.

        Raises:
            NotAllowed: its right has ended since.
        """
        account = _logged_in.get()
        if account is None or account.name != username:
            account = await asyncio.to_thread(self._account, username)
        if account is None:
            raise NotAllowed("This account was closed.")
        filesystem = self._filesystems.of(account, Access.LOGIN)
        await asyncio.to_thread(filesystem.rights.account)
        return filesystem

    def through(self, protocol: str) -> "Through":
        """The same for one protocol, ``"sftp"``, ``"ftps"`` or ``"ftp"``, which some accounts may not use."""
        return Through(self, protocol)

    def enter(self, end: End) -> Callable[[], None]:
        """Have ``end`` called once the right of this context's login has ended."""
        account = _logged_in.get()
        if account is None:
            raise RuntimeError("nobody has logged in in this context")
        return self._watch.enter(Right.to(account, Access.LOGIN), end)

    def close(self) -> None:
        """Let the threads end."""
        self._watch.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _account(self, username: str) -> Account | None:
        # a store cannot look for what is not text
        account = self._store.accounts.find(username) if username.isprintable() else None
        if account is None or account.disabled:
            return None
        principal = self._store.accounts.get(account.parent) if account.parent else account
        return None if principal is None or principal.disabled else account

    def _has_key(self, username: str, key: asyncssh.SSHKey) -> tuple[Account | None, bool | None]:
        account = self._account(username)
        lines = self._store.accounts.keys(account.id) if account else []
        known = [_public_data(line) for line in lines]
        if any(hmac.compare_digest(data, key.public_data) for data in known if data):
            return account, True
        return account, None if None in known else False

    def _remember(self, known: bytes) -> None:
        now = time.monotonic()
        self._verified = {item: until for item, until in self._verified.items() if until > now}
        self._verified[known] = now + CACHE_SECONDS


class Through:
    """Logins by one protocol: of an account with the setting ``protocols``, only by those it names."""

    def __init__(self, logins: Logins, protocol: str) -> None:
        self._logins, self._protocol = logins, protocol
        self.password, self.key = logins.password, logins.key

    async def filesystem(self, username: str) -> Filesystem:
        """The files of the account of this context's login.

        Raises:
            NotAllowed: its right has ended since, or it may not come this way.
        """
        filesystem = await self._logins.filesystem(username)
        settings = await asyncio.to_thread(filesystem.settings)
        allowed = settings.get("protocols", self._protocol).split(",")
        if self._protocol not in allowed:
            ways = " or ".join(allowed).upper()
            raise NotAllowed(f"This login is for {ways}, and not for {self._protocol.upper()}: use that.")
        return filesystem


def _verify(stored: str, password: str) -> bool | None:
    """Whether the password is that of a hash; None when that is not a hash.

    Raises:
        VerificationError: argon2 could not find out, for want of memory say.
    """
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, UnicodeEncodeError):
        return False
    except InvalidHashError:
        return None


def _public_data(line: str) -> bytes | None:
    """What a stored key is compared by; None for a line that is not a key."""
    try:
        return asyncssh.import_public_key(line).public_data
    except asyncssh.KeyImportError:
        return None


def host_keys(store: Store, kinds: Collection[str] = tuple(HOST_KEYS)) -> list[asyncssh.SSHKey]:
    """The SSH host keys, some made when there are none yet; every host on the store shows the same."""
    stored = store.accounts.host_keys()
    for kind in kinds:
        if kind not in stored:
            made = asyncssh.generate_private_key(kind, "smsfs", **HOST_KEYS[kind])
            text = made.export_private_key().decode()
            stored[kind] = store.accounts.add_host_key(kind, text)
            if stored[kind] == text:  # else another host was quicker, and its key is shown by all
                log.info("host_key_made", kind=kind, fingerprint=made.get_fingerprint())
    return [asyncssh.import_private_key(text) for text in stored.values()]
