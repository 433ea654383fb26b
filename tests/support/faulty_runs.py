"""A real server killed while a file of its leaves through a carrier with faults."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import paramiko

from smsfs.config import load, open_store
from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.states import MessageState as State
from smsfs.store import Store
from tests.support.http_carrier import HttpCarrier
from tests.support.server import Installation, Server, wait_for

ENDS = {State.SUBMITTED, State.REJECTED}
END_BOUND = 400.0
#: Of a backend over HTTP: many requests, and no long wait for an answer.
QUICK = {"batch": 20, "connections": 2, "response_timeout": 2}


def upload(server: Server, rows: int) -> None:
    """Submit a file with so many rows, each to a number of its own."""
    lines = "".join(f"{4520000000 + row},Row {row}\n" for row in range(rows))
    server.installation.add_account("shop", "a password")
    with closing(paramiko.Transport(("127.0.0.1", server.port))) as transport:
        transport.connect(username="shop", password="a password")
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        with sftp.file("a.csv", "w") as file:
            file.write("msisdn,message\n" + lines)
        sftp.rename("a.csv", "a.csv.ready")


def messages(store: Store) -> dict[str, MessageStatus]:
    """Every message with what became of it, by recipient."""
    return {
        status.message.recipient: status
        for batch in store.queue.batches()
        for status in statuses(store, batch)
    }


def kill_on_the_way(server: Server, count: Callable[[], int], kills: int, most: int) -> None:
    """Kill everything a few times, each time after 40 more messages have left, or ``most`` in all."""
    for _ in range(kills):
        enough = min(count() + 40, most)
        wait_for(lambda enough=enough: count() >= enough, "some to leave")  # type: ignore[misc]
        server.kill_all()
        server.start()


def check_none_lost(rows: dict[str, MessageStatus], took: Counter[str], total: int) -> None:
    """Check that nothing is lost, and nothing doubled that is not recorded as such."""
    assert len(rows) == total
    for number, row in rows.items():
        times = took[number]
        wanted = 0 if row.state == "rejected" else 1
        assert times == wanted or (times > wanted and row.doubled), (row, times)


def killed_over_http(
    folder: Path, carrier: HttpCarrier, login: dict[str, Any], rows: int, kills: int
) -> dict[str, MessageStatus]:
    """What became of a file's messages to a provider that runs, the server killed on its way."""
    (folder / "smsfs").mkdir()
    gateway = {"url": carrier.url, **QUICK, **login}
    sections = {"pipeline": {"default_backend": "gateway"}, "backends.gateway": gateway}
    with Server(Installation(folder / "smsfs", sections)) as server:
        upload(server, rows)
        kill_on_the_way(server, lambda: len(carrier.received()), kills, rows // 2)
        with closing(open_store(load(server.installation.configuration))) as store:
            wait_for(lambda: _is_over(store), "all to have their end", END_BOUND, pause=0.5)
            found = messages(store)
    assert "Traceback" not in server.log
    return found


def _is_over(store: Store) -> bool:
    """Whether every message has its end."""
    states = {status.state for status in messages(store).values()}
    return bool(states) and states <= ENDS
