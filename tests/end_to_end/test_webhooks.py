"""Receipts and replies come in by webhook: from a file over SFTP to its result file."""

import csv
import io
from collections import Counter
from functools import partial

import pytest

from tests.support.http_carrier import HttpCarrier, signed_post, status
from tests.support.server import Installation, Server, wait_for

TOKEN, SECRET = "token-0123456789", "secret-0123456789"
SOURCE = "192.0.2.7"
ROWS = 4


def installation(folder, carrier, certificate):
    """A configuration whose messages leave over HTTP, and whose receipts come in by webhook, over HTTPS."""
    (folder / "smsfs").mkdir()
    (folder / "smsfs" / "hook").write_text(TOKEN, encoding="utf-8")
    hook = {"hook_token_file": "hook", "hook_secret": SECRET, "hook_from": ["192.0.2.0/24"]}
    chain, key = certificate
    https = {"certificate": str(chain), "key": str(key), "trusted_proxies": ["127.0.0.1"]}
    sections = {
        "web": {"listen": ["127.0.0.1:0"], **https},
        "pipeline": {"default_backend": "gateway", "stop_grace": 10},
        "backends.gateway": {"type": "gatewayapi", "url": carrier.url, "token": "any", **hook},
        "log": {"format": "json"},
    }
    return Installation(folder / "smsfs", sections)


def address_of(server):
    """Where the webhook is, as smsfs shows it, but on the test's own port."""
    [shown] = server.installation.rows("backend", "show", "gateway")
    return f"https://127.0.0.1:{server.web_port}{shown['webhook'].removeprefix('https://YOUR-SERVER')}"


def states(server):
    """How many messages are in each state."""
    return Counter(row["state"] for row in server.installation.rows("messages"))


def results(sftp):
    """The state of each row in the result file."""
    [name] = sftp.listdir("results")
    with sftp.file(f"results/{name}") as file:
        rows = csv.DictReader(io.StringIO(file.read().decode(), newline=""), strict=True)
        return [row["state"] for row in rows]


@pytest.mark.slow
def test_receipts_reach_the_result_file(tmp_path, kit, certificate):
    """A customer of a provider over HTTP would never learn what became of the messages."""
    carrier = HttpCarrier(tmp_path)
    # the answer is late, so that the first receipts overtake it
    with carrier.running("--latency", "2"), Server(installation(tmp_path, carrier, certificate)) as server:
        account = kit.Account(server, "shop", server.installation.folder, "--set", "results=true")
        address = address_of(server)
        post = partial(signed_post, secret=SECRET, source=SOURCE, trust=certificate[0])
        with account.session() as sftp:
            with sftp.file("a.csv", "w") as file:
                file.write(kit.csv_of("a", ROWS))
            sftp.rename("a.csv", "a.csv.ready")
            taken = wait_for(lambda: len(found := carrier.received()) == ROWS and found, "the messages")
            first, second, third, _ = sorted(taken, key=lambda message: message.text)
            overtaking = [status(first, "DELIVERED"), status(second, "ENROUTE"), status(second, "EXPIRED")]
            assert post(address, overtaking, secret="another") == 401
            assert [post(address, overtaking, source=source) for source in ("", "198.51.100.7")] == [403, 403]
            assert post(address, overtaking) == 200
            wait_for(lambda: states(server) == {"delivered": 1, "expired": 1, "submitted": 2}, "the receipts")
            later = [status(third, "DELIVERED"), status(first, "DELIVERED"), status(third, "UNDELIVERABLE")]
            strange = {**status(third, "DELIVERED"), "id": 5}
            for _ in range(2):
                assert post(address, [*later, strange, {"odd": 1}, status(first, "BUFFERED")]) == 200
            wait_for(lambda: states(server) == {"delivered": 2, "expired": 1, "submitted": 1}, "the others")
            wait_for(
                lambda: results(sftp) == ["delivered", "expired", "delivered", "submitted"], "the result file"
            )
            answer = {"id": 9, "msisdn": int(first.destination), "receiver": 1204, "message": "Thanks"}
            assert [post(address, answer), post(address, answer)] == [200, 200]
            replies = server.installation.rows("replies")
            assert [(row["text"], row["account"]) for row in replies] == [("Thanks", "shop")]
    assert server.process.returncode == 0
    assert "hook_refused" in server.log
    for text in ("Traceback", TOKEN, SECRET):
        assert text not in server.log
