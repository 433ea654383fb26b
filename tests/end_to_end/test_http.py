"""Files of a real server leave over HTTP: what the provider's ledger holds against what the store says."""

from collections import Counter

import pytest

from tests.support.http_carrier import HttpCarrier
from tests.support.server import Installation, Server, wait_for

ROWS, TOKEN = 1200, "token-0123456789"


@pytest.fixture
def carrier(tmp_path):
    """A provider that is not running yet."""
    return HttpCarrier(tmp_path)


def installation(folder, carrier, route="gateway", **options):
    """A configuration whose messages leave over HTTP, with the token in a file."""
    (folder / "smsfs").mkdir()
    (folder / "smsfs" / "token").write_text(TOKEN, encoding="utf-8")
    login = {"type": "gatewayapi", "url": carrier.url, "token_file": "token"}
    sections = {
        "pipeline": {"default_backend": route, "stop_grace": 10},
        "backends.gateway": {key: value for key, value in {**login, **options}.items() if value is not None},
        "backends.outbox": {"type": "outbox"},
        "log": {"format": "json"},
    }
    return Installation(folder / "smsfs", sections)


def mistyped(folder, carrier):
    """A server whose token is wrong."""
    installed = installation(folder, carrier)
    (installed.folder / "token").write_text("mistyped-token", encoding="utf-8")
    return Server(installed)


def submit(server, kit, stem, rows):
    """An account with a file that is renamed to .ready and becomes .success; the texts of its rows."""
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


def texts_of(carrier):
    """How often each text came."""
    return Counter(message.text for message in carrier.received())


def gateway(server):
    """What `smsfs backends` says of the provider."""
    return next(row for row in server.installation.rows("backends") if row["backend"] == "gateway")


def test_a_file_leaves_over_http(carrier, tmp_path, kit):
    """A row would be lost between the file and the provider, or sent twice."""
    with carrier.running("--token", TOKEN), Server(installation(tmp_path, carrier)) as server:
        texts = submit(server, kit, "a", ROWS)
        wait_for(lambda: states(server) == {"submitted": ROWS}, "all to be submitted")
        assert texts_of(carrier) == dict.fromkeys(texts, 1)
        rows = server.installation.rows("messages")
        assert {row["carrier_id"] for row in rows} == {message.id for message in carrier.received()}
        assert {(row["price"], row["currency"]) for row in rows} == {("0.15", "DKK")}
        assert gateway(server)["state"] == "up"
        wait_for(lambda: gateway(server)["credit"], "the credit to be asked for")
        assert gateway(server)["credit"] == "1000 DKK"
    assert server.process.returncode == 0
    assert "Traceback" not in server.log
    assert TOKEN not in server.log


def test_a_file_leaves_by_a_provider_of_ones_own(tmp_path, kit):
    """A gateway that smsfs does not know by name could not be used, or get other texts and numbers."""
    carrier = HttpCarrier(tmp_path, "http")
    section = {"path": "/send", "json": '{"to": "{to}", "text": "{text}", "reference": "{key}"}'}
    login = {"type": "http", "auth": "bearer", "secret_file": "token", "token_file": None, "answer_id": "id"}
    with (
        carrier.running("--token", TOKEN, "--fault", "500=0.1"),
        Server(installation(tmp_path, carrier, **section, **login)) as server,
    ):
        texts = submit(server, kit, "a", 200)
        wait_for(lambda: states(server) == {"submitted": 200}, "all to be submitted")
        assert texts_of(carrier) == dict.fromkeys(texts, 1)
        ids = {row["carrier_id"] for row in server.installation.rows("messages")}
        assert ids == {message.id for message in carrier.received()}
    assert TOKEN not in server.log


def test_wrong_token_keeps_messages(carrier, tmp_path, kit):
    """A token that was mistyped would reject a file, or the operator would not learn why nothing leaves."""
    with carrier.running("--token", TOKEN), mistyped(tmp_path, carrier) as server:
        installed = server.installation
        texts = submit(server, kit, "a", 20)
        found = wait_for(
            lambda: (row := gateway(server))["state"] == "down" and row, "the backend to be down"
        )
        assert found["reason"].startswith("the carrier refuses the token: 401 Unauthorized")
        assert states(server) == {"queued": 20}
        (installed.folder / "token").write_text(TOKEN, encoding="utf-8")
        wait_for(lambda: states(server) == {"submitted": 20}, "all to be submitted")
        assert texts_of(carrier) == dict.fromkeys(texts, 1)
        assert not [row for row in installed.rows("messages") if row["doubled"]]
    assert "mistyped-token" not in server.log


def test_no_credit_fails_over(carrier, tmp_path, kit):
    """Messages would wait for an empty account while another way out is free."""
    with (
        carrier.running("--error", "0x0216"),
        Server(installation(tmp_path, carrier, "gateway,outbox")) as server,
    ):
        texts = submit(server, kit, "a", 20)
        wait_for(lambda: states(server) == {"submitted": 20}, "all to be submitted")
        assert {message["text"] for message in server.installation.sent()} == texts
        assert "the credit is used up" in gateway(server)["reason"]
    assert carrier.received() == []
