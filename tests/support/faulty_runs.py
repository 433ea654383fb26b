"""A real server killed while a file of its leaves through a carrier with faults."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing

import paramiko

from smsfs.pipeline.reports.messages import MessageStatus, statuses
from smsfs.store import Store
from tests.support.server import Server, wait_for


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
