"""An SFTP session on a store of its own, for packets of any kind."""

from collections import deque
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from structlog.testing import capture_logs

from smsfs.dialects.registry import dialect
from smsfs.filesystem.account import AccountFilesystem
from smsfs.frontends.sftp.protocol import SftpSession
from smsfs.frontends.sftp.wire import ProtocolError
from smsfs.store.sqlite import SqliteStore


@cache
def _filesystem() -> AccountFilesystem:
    store = SqliteStore(Path(mkdtemp(prefix="smsfs-fuzz-")) / "smsfs.db")
    account = store.accounts.add("fuzz", "gatewayapi", {}, store.now())
    return AccountFilesystem(store, store.register("fuzz"), account, dialect("gatewayapi"))


def session(requests: list[bytes]) -> None:
    """Answer requests as a server does; each gets an answer, and none an internal error."""
    made = SftpSession(_filesystem())
    waiting = deque(requests)
    with capture_logs() as logged, closing(_Cut(made)):
        try:
            while waiting:
                assert made.handle(waiting)
        except ProtocolError:
            pass
    failed = [entry for entry in logged if entry["event"] == "request_failed"]
    assert not failed, failed


class _Cut:
    """Ends a session as a lost connection does."""

    def __init__(self, made: SftpSession) -> None:
        self.close = made.cut
