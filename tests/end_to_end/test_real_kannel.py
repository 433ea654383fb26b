"""Kannel itself between smsfs and an SMSC: files leave, and receipts and replies come back."""

import csv
import io

import pytest

from tests.support.kannel import Kannel, programs
from tests.support.server import Installation, Server, free_ports, wait_for
from tests.support.smsc import Smsc

TOKEN = "token-0123456789"
ROWS = 5
#: Of several parts, and in UCS-2.
LONG = "\N{SNOWMAN} " + "long " * 40


def installation(folder, kannel, web):
    """A configuration whose messages leave by Kannel."""
    (folder / "smsfs").mkdir()
    login = {"username": "benchmark", "password": "benchmark", "hook_token": TOKEN}
    sections = {
        "web": {"listen": [f"127.0.0.1:{web}"], "public_url": f"http://127.0.0.1:{web}"},
        "pipeline": {"default_backend": "gateway", "stop_grace": 10},
        "backends.gateway": {"type": "kannel", "url": f"http://127.0.0.1:{kannel.port}", **login},
        "log": {"format": "json"},
    }
    return Installation(folder / "smsfs", sections)


def results(sftp):
    """The state of each row of the result file."""
    for name in sftp.listdir("results"):
        with sftp.file(f"results/{name}") as file:
            rows = csv.DictReader(io.StringIO(file.read().decode(), newline=""), strict=True)
            return {row["msisdn"]: row["state"] for row in rows}
    return {}


@pytest.mark.slow
def test_a_file_through_kannel(tmp_path, kit):
    """A company with a Kannel of its own would never see that messages arrived, or what people answer."""
    if programs() is None:
        pytest.skip("the Debian package kannel is not installed; packaging/test does that")
    smsc, (web,) = Smsc(tmp_path), free_ports(1)
    with smsc.running("--receipts", "0.2", "--undelivered", "^4520000003", "--mo", "-"):
        kannel = Kannel(tmp_path, smsc.port, 10, f"http://127.0.0.1:{web}/hooks/gateway/{TOKEN}")
        with kannel.running(), Server(installation(tmp_path, kannel, web)) as server:
            account = kit.Account(server, "shop", tmp_path, "--set", "results=true")
            texts = {f"452000000{row}": LONG if row == 4 else f"Row {row} caf\xe9" for row in range(ROWS)}
            with account.session() as sftp:
                with sftp.file("a.csv", "w") as file:
                    rows = [f"{number},{text},1204\n" for number, text in texts.items()]
                    file.write("msisdn,message,sender\n" + "".join(rows))
                sftp.rename("a.csv", "a.csv.ready")
                expected = {**dict.fromkeys(texts, "delivered"), "4520000003": "undelivered"}
                wait_for(lambda: results(sftp) == expected, "the result file", pause=0.1)
            assert {item.destination: item.text for item in smsc.received()} == texts
            smsc.send("4520000001", "1204", "Ja & nej: 50 %")
            replies = wait_for(lambda: server.installation.rows("replies"), "the reply", pause=0.1)
            assert [(row["text"], row["account"], row["sender"]) for row in replies] == [
                ("Ja & nej: 50 %", "shop", "4520000001")
            ]
    for text in ("Traceback", "hook_refused", "receipt_unreadable", TOKEN):
        assert text not in server.log
