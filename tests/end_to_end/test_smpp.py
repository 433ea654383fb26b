"""Files of a real server leave over SMPP: what the SMSC's ledger holds against what the store says."""

from collections import Counter

import pytest

from tests.support.server import Installation, Server, wait_for
from tests.support.smsc import Smsc

ROWS = 1500


@pytest.fixture
def smsc(tmp_path):
    """An SMSC that is not running yet."""
    return Smsc(tmp_path)


def texts_of(smsc):
    """How often each text came."""
    return Counter(message.text for message in smsc.received())


def installation(folder, port, **options):
    """A configuration whose messages leave over SMPP."""
    (folder / "smsfs").mkdir()
    given = {"reconnect_first": 0.1, "reconnect_longest": 0.5, "window": 20, **options}
    login = {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "smsfs", "password": "secret"}
    sections = {
        "pipeline": {"default_backend": "carrier", "stop_grace": 10},
        "backends.carrier": {**login, **given},
        "log": {"format": "json"},
    }
    return Installation(folder / "smsfs", sections)


def submit(server, kit, stem, rows=ROWS):
    """An account with a file whose rows are accepted; the texts of the rows."""
    account = kit.Account(server, "shop", server.installation.folder)
    with account.session() as sftp:
        with sftp.file(f"{stem}.csv", "w") as file:
            file.write(kit.csv_of(stem, rows))
        sftp.rename(f"{stem}.csv", f"{stem}.csv.ready")
        account.wait_for_state(sftp, stem, "success")
    return {f"Row {row} of {stem}" for row in range(rows)}


def states(server):
    """How many messages are in each state."""
    return Counter(row["state"] for row in server.installation.rows("messages"))


def test_a_file_leaves_over_smpp(smsc, tmp_path, kit):
    """A row would be lost between the file and the carrier, or sent twice."""
    with smsc.running(), Server(installation(tmp_path, smsc.port)) as server:
        texts = submit(server, kit, "a")
        wait_for(lambda: states(server) == {"submitted": ROWS}, "all to be submitted")
        wait_for(lambda: len(texts_of(smsc)) >= ROWS, "the ledger")
        assert texts_of(smsc) == dict.fromkeys(texts, 1)
    assert server.process.returncode == 0
    assert "Traceback" not in server.log


def test_smsc_comes_later(smsc, tmp_path, kit):
    """Files of a night in which the carrier was away would be lost, or leave hours after it came back."""
    with smsc.running():
        pass
    with Server(installation(tmp_path, smsc.port)) as server:
        texts = submit(server, kit, "a", 20)
        wait_for(lambda: "smsc_away" in server.log, "the log")
        assert states(server) == {"queued": 20}
        with smsc.running():
            wait_for(lambda: states(server) == {"submitted": 20}, "all to be submitted")
    assert texts_of(smsc) == dict.fromkeys(texts, 1)


def test_stop_of_a_slow_carrier(smsc, tmp_path, kit):
    """A restart would send again, as of unknown fate, what never left."""
    with smsc.running(), Server(installation(tmp_path, smsc.port, throughput=150)) as server:
        texts = submit(server, kit, "a", 600)
        wait_for(lambda: len(texts_of(smsc)) > 50, "some to leave")
        server.stop()
        assert len(texts_of(smsc)) < 600
        server.start()
        wait_for(lambda: states(server) == {"submitted": 600}, "all to be submitted", 60)
        assert texts_of(smsc) == dict.fromkeys(texts, 1)
        assert not [row for row in server.installation.rows("messages") if row["doubled"]]


def test_kill_doubles_only_what_is_recorded(smsc, tmp_path, kit):
    """After a crash a row would be missing, or there twice without a word about it."""
    with smsc.running("--latency", "0.02"), Server(installation(tmp_path, smsc.port)) as server:
        texts = submit(server, kit, "a")
        for _ in range(3):
            before = len(texts_of(smsc))
            wait_for(lambda before=before: len(texts_of(smsc)) > min(ROWS - 1, before + 100), "some to leave")
            server.kill_all()
            server.start()
        wait_for(lambda: states(server) == {"submitted": ROWS}, "all to be submitted", 60)
        arrived = texts_of(smsc)
        rows = {row["text"]: row for row in server.installation.rows("messages")}
    assert set(arrived) == texts
    for text, times in arrived.items():
        assert times == 1 or rows[text]["doubled"], (text, times)
