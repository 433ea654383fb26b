"""Webhooks on servers that die: what was acknowledged is stored, and any host of a pair takes a call."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.faulty_runs import upload
from tests.support.http_carrier import HttpCarrier, signed_post, status
from tests.support.pair import Pair
from tests.support.server import Installation, Server, free_ports, wait_for

TOKEN, SECRET = "token-0123456789", "secret-0123456789"
ROWS, KILLS, CALLERS = 240, 2, 4
LOST = 0  # the status of a call without an answer


def gateway(carrier):
    """The section of a provider with a webhook."""
    hook = {"hook_token": TOKEN, "hook_secret": SECRET}
    return {"type": "gatewayapi", "url": carrier.url, "token": "any", **hook}


def post(port, body):
    """The status of a call; none if there was no answer."""
    try:
        return signed_post(f"http://127.0.0.1:{port}/hooks/gateway/{TOKEN}", body, SECRET)
    except OSError:
        return LOST


def states(installation):
    """The state of each message by its number."""
    return {row["recipient"]: row["state"] for row in installation.rows("messages")}


@pytest.mark.slow
def test_what_was_acknowledged_is_stored(tmp_path):
    """A provider never calls again after 200, so a receipt that is not on disk then would be lost."""
    carrier = HttpCarrier(tmp_path)
    (web,) = free_ports(1)
    folder = tmp_path / "smsfs"
    folder.mkdir()
    with carrier.running():
        sections = {
            "web": {"listen": [f"127.0.0.1:{web}"]},
            "pipeline": {"default_backend": "gateway"},
            "backends.gateway": gateway(carrier),
        }
        with Server(Installation(folder, sections)) as server:
            upload(server, ROWS)
            wait_for(
                lambda: Counter(states(server.installation).values()) == {"submitted": ROWS}, "all to leave"
            )
            left = {message.destination: message for message in carrier.received()}
            for kill in range(KILLS):
                acknowledged = called_until_killed(server, web, left, ROWS // (KILLS + 1))
                server.start()
                found = states(server.installation)
                assert {found[number] for number in acknowledged} == {"delivered"}, kill
                left = {number: message for number, message in left.items() if number not in acknowledged}
            assert left
            for message in left.values():
                assert post(web, status(message, "DELIVERED")) == 200
            assert Counter(states(server.installation).values()) == {"delivered": ROWS}
            server.installation.run("fsck")


def called_until_killed(server, web, messages, enough):
    """Post a receipt for each until the server is killed in the midst; the numbers of those acknowledged."""
    acknowledged, ended = set(), threading.Event()

    def call(message):
        if not ended.is_set() and post(web, status(message, "DELIVERED")) == 200:
            acknowledged.add(message.destination)

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call, message) for message in messages.values()]
        wait_for(lambda: len(acknowledged) >= enough, "some receipts", pause=0.001)
        server.kill_all()
        ended.set()
        for each in calls:
            each.result()
    assert enough <= len(acknowledged) < len(messages), "it was killed in the midst"
    return acknowledged


@pytest.mark.slow
def test_the_other_host_takes_calls(database, tmp_path):
    """Behind a balancer, half of the receipts would find no message, or all while the sender is down."""
    carrier = HttpCarrier(tmp_path)
    with carrier.running():
        sections = {"pipeline": {"default_backend": "gateway"}, "backends.gateway": gateway(carrier)}
        with Pair(tmp_path, [database, database], sections) as pair:
            sender, other = pair.servers
            with other.paused("dispatch"):
                upload(sender, 3)
                wait_for(
                    lambda: Counter(states(pair.installation).values()) == {"submitted": 3}, "all to leave"
                )
            first, second, third = sorted(carrier.received(), key=lambda message: message.destination)
            assert post(other.web_port, [status(first, "DELIVERED"), status(second, "EXPIRED")]) == 200
            expected = {first.destination: "delivered", second.destination: "expired"}
            assert states(pair.installation) == {**expected, third.destination: "submitted"}
            sender.kill_all()
            answer = {"id": 9, "msisdn": int(first.destination), "receiver": 1204, "message": "Thanks"}
            assert [post(other.web_port, item) for item in (status(third, "DELIVERED"), answer, answer)] == [
                200
            ] * 3
            installation = other.installation
            assert states(installation) == {**expected, third.destination: "delivered"}
            assert [row["text"] for row in installation.rows("replies")] == ["Thanks"]
