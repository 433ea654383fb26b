"""A real server under ``kill -9`` before a carrier with each of its faults: the ledger against the store."""

import re
from collections import Counter

import pytest

from smsfs.config import load, open_store
from smsfs.testing.server import Installation, Server, wait_for
from smsfs.testing.smsc import Smsc

ROWS, KILLS = 600, 3
END_BOUND = 120.0
RECEIPTS = ["--receipts", "0.2"]
#: A fault of the carrier: how the simulator is told, and what the client needs to get over it soon.
FAULTS = {
    "slow": ([*RECEIPTS, "--latency", "0.05"], {}),
    "too fast": ([*RECEIPTS, "--throughput", "400"], {}),
    "queue full": ([*RECEIPTS, "--queue", "100", "--latency", "0.01"], {}),
    "rejects": ([*RECEIPTS, "--reject", "7 =RINVDSTADR"], {}),
    "disconnects": ([*RECEIPTS, "--disconnect-after", "150"], {}),
    "no answer": ([*RECEIPTS, "--no-answer", "0.02"], {"response_timeout": 1}),
    "late answer": ([*RECEIPTS, "--no-answer", "0.05", "--late", "1.5"], {"response_timeout": 1}),
    "deaf": ([*RECEIPTS, "--deaf", "--latency", "0.02"], {"enquire_link": 0.2, "response_timeout": 1}),
    "undelivered": ([*RECEIPTS, "--undelivered", "3$"], {}),
    "receipt first": (["--receipts", "before-response", "--latency", "0.01"], {}),
    "strange ids": (
        [*RECEIPTS, "--receipt-format", "letters", "--id-base", "dec-hex"],
        {"receipt_id_base": "hexadecimal", "id_base": "decimal"},
    ),
}


def recipient(row):
    """A number of its own for each row."""
    return str(4520000000 + row)


def installed(folder, port, client):
    """A configuration whose messages leave over SMPP."""
    (folder / "smsfs").mkdir()
    login = {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "smsfs", "password": "secret"}
    quick = {"reconnect_first": 0.1, "reconnect_longest": 0.5, "window": 20}
    sections = {"pipeline": {"default_backend": "carrier"}, "backends.carrier": {**login, **quick, **client}}
    return Installation(folder / "smsfs", sections)


def upload(server, kit):
    """An account with a file whose rows are accepted."""
    account = kit.Account(server, "shop", server.installation.folder)
    rows = "".join(f"{recipient(row)},Row {row}\n" for row in range(ROWS))
    with account.session() as sftp:
        with sftp.file("a.csv", "w") as file:
            file.write("msisdn,message\n" + rows)
        sftp.rename("a.csv", "a.csv.ready")
        account.wait_for_state(sftp, "a", "success")


def states(server):
    """How many messages are in each state."""
    return Counter(row["state"] for row in server.installation.rows("messages"))


def unmatched(server):
    """How many receipts no message is known for yet."""
    store = open_store(load(server.installation.configuration))
    try:
        return store.inbound.waiting()
    finally:
        store.close()


def kill_on_the_way(server, smsc):
    """Kill everything a few times, each time after some more messages have left."""
    for _ in range(KILLS):
        before = smsc.count()
        enough = min(before + 40, ROWS - 1)
        wait_for(lambda enough=enough: smsc.count() >= enough, "some to leave")
        server.kill_all()
        server.start()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_kills_before_a_faulty_carrier(tmp_path, kit, fault):
    """A message would be lost, be sent twice in silence, or never show that it arrived."""
    options, client = FAULTS[fault]
    smsc = Smsc(tmp_path)
    with smsc.running(*options), Server(installed(tmp_path, smsc.port, client)) as server:
        upload(server, kit)
        kill_on_the_way(server, smsc)
        final = {"delivered", "undelivered", "rejected"}
        wait_for(lambda: states(server).keys() <= final, "all to have their end", END_BOUND)
        wait_for(lambda: not unmatched(server), "every receipt to find its message", END_BOUND)
        rows = {row["recipient"]: row for row in server.installation.rows("messages")}
    check(fault, rows, Counter(item.destination for item in smsc.received()))
    assert "Traceback" not in server.log
    counts = dict(re.findall(r"(\w+) (\d+)", (tmp_path / "simulator.out").read_text(encoding="utf-8")))
    assert counts["receipts"] == counts["delivered"]


def check(fault, rows, took):
    """Nothing lost, and nothing doubled that is not recorded as such."""
    assert len(rows) == ROWS
    for number, row in rows.items():
        times = took[number]
        wanted = 0 if row["state"] == "rejected" else 1
        assert times == wanted or (times > wanted and row["doubled"]), (row, times)
    ends = Counter(row["state"] for row in rows.values())
    expected = {"rejects": {"rejected": ROWS // 10}, "undelivered": {"undelivered": ROWS // 10}}.get(
        fault, {}
    )
    assert ends == {**expected, "delivered": ROWS - sum(expected.values())}
