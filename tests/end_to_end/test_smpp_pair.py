"""Two hosts on one database before one carrier: receipts come over whichever bind is up."""

import re
from collections import Counter
from contextlib import closing

from smsfs.config import load, open_store
from tests.support.pair import Pair
from tests.support.server import wait_for
from tests.support.smsc import Smsc

ROWS = 300
CARRIER = {"type": "smpp", "host": "127.0.0.1", "system_id": "smsfs", "password": "secret"}


def states(pair):
    """How many messages are in each state."""
    return Counter(row["state"] for row in pair.servers[1].installation.rows("messages"))


def results(pair):
    """The result files and their states."""
    rows = pair.servers[1].installation.rows("files", "--account", "shop")
    return {row["file"]: row["state"] for row in rows if row["file"].startswith("results/")}


def test_receipts_reach_the_other_host(tmp_path, postgres, kit):
    """Messages that a host sent before it died would never show that they arrived."""
    smsc = Smsc(tmp_path)
    url = postgres.new_database()
    with smsc.running("--receipts", "5"):
        carrier = {**CARRIER, "port": smsc.port, "reconnect_first": 0.1}
        sections = {"pipeline": {"default_backend": "carrier"}, "backends.carrier": carrier}
        with Pair(tmp_path, [url, url], sections) as pair:
            account = kit.Account(pair.servers[0], "shop", tmp_path, "--set", "results=true")
            with account.session() as sftp:
                with sftp.file("a.csv", "w") as file:
                    file.write(kit.csv_of("a", ROWS))
                sftp.rename("a.csv", "a.csv.ready")
                account.wait_for_state(sftp, "a", "success")
            wait_for(lambda: states(pair).keys() <= {"submitted", "delivered"}, "all to be submitted")
            pair.servers[0].kill_all()
            wait_for(lambda: states(pair) == {"delivered": ROWS}, "the receipts", pause=0.2)
            wait_for(lambda: set(results(pair).values()) == {"success"}, "the result file to be final")
            with closing(open_store(load(pair.servers[1].installation.configuration))) as store:
                assert store.inbound.waiting() == 0
            assert not any("Traceback" in server.log for server in pair.servers)
    assert Counter(item.text for item in smsc.received()) == {f"Row {row} of a": 1 for row in range(ROWS)}
    counts = dict(re.findall(r"(\w+) (\d+)", (tmp_path / "simulator.out").read_text(encoding="utf-8")))
    assert counts["delivered"] == counts["receipts"] == str(ROWS)
    postgres.drop_database(url)
