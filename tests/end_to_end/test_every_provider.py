"""One server with a simulated provider of each kind: a file leaves, receipts and replies come by webhook."""

import asyncio
import contextlib
import json
import re
import threading
import urllib.request
from collections import Counter

import pytest

from smsfs.backends.http.hooks import path_of
from smsfs.cli.demo_carriers import SIGNED, login_of, section_for
from smsfs.cli.simulator_http import CONTRACTS
from smsfs.simulator.http import HOOK_FAULTS, HttpSimulator, Poster, Posting
from smsfs.simulator.http.posts import KINDS
from tests.support.server import Installation, Server, free_ports, wait_for

TOKEN, SECRET = "token-0123456789", "me:secret-0123456789"
ROWS, SECONDS = 6, 20
#: Numbers of each provider begin with its own digits; those that end in 3 get nothing.
PREFIXES = {provider: f"4520{place:02}" for place, provider in enumerate(CONTRACTS, 10)}
ANSWERS = ["Ja & nej: 100 %", "\N{PARTY POPPER} tak"]
UNDELIVERED = re.compile("3$")
FAULTS = {"doubled": 0.5, "reordered": 0.34, "before": 0.5, "late": 0.2, "unsigned": 1.0}


@contextlib.contextmanager
def simulators(address):
    """A carrier of each kind on one thread, which posts to a server at this address; and their loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    made = {}

    async def enter():
        for name, contract in CONTRACTS.items():
            made[name] = HttpSimulator(contract(login_of(name)))
            url = address + path_of(name, TOKEN)
            made[name].poster = Poster(Posting(KINDS[name], url, SECRET, 0.0, UNDELIVERED, FAULTS, 0.3))
            await made[name].__aenter__()

    async def leave():
        await asyncio.gather(*(carrier.__aexit__(None, None, None) for carrier in made.values()))

    try:
        asyncio.run_coroutine_threadsafe(enter(), loop).result(SECONDS)
        yield made, loop
    finally:
        asyncio.run_coroutine_threadsafe(leave(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def number(provider, row):
    """The recipient of a row."""
    return f"{PREFIXES[provider]}{row:04}"


def configured(folder, carriers, port):
    """A configuration with all of them, each for its own numbers."""
    (folder / "smsfs").mkdir()
    route = " ".join(f"{prefix}={provider}" for provider, prefix in PREFIXES.items())
    return Installation(
        folder / "smsfs",
        {
            "web": {"listen": [f"127.0.0.1:{port}"], "public_url": f"http://127.0.0.1:{port}"},
            "pipeline": {"default_backend": f"{route} gatewayapi", "stop_grace": 10},
            "log": {"format": "json"},
            **{
                f"backends.{name}": section_for(name, carrier.url, TOKEN, SECRET)
                for name, carrier in carriers.items()
            },
        },
    )


def file_of():
    """Rows for every provider, and one of several parts for each."""
    rows = [
        f"{number(provider, row)},{provider} {row} {'long ' * 40 if row == 5 else ''},1204\n"
        for provider in CONTRACTS
        for row in range(ROWS)
    ]
    return "msisdn,message,sender\n" + "".join(rows)


@pytest.fixture(scope="module")
def ended(tmp_path_factory, kit):
    """What became of everything: rows of messages and of replies, the carriers, and the server's log."""
    folder = tmp_path_factory.mktemp("providers")
    (port,) = free_ports(1)
    with simulators(f"http://127.0.0.1:{port}") as (carriers, loop):
        installation = configured(folder, carriers, port)
        with Server(installation) as server:
            account = kit.Account(server, "shop", folder)
            with account.session() as sftp:
                with sftp.file("a.csv", "w") as file:
                    file.write(file_of())
                sftp.rename("a.csv", "a.csv.ready")
            count = ROWS * len(CONTRACTS)

            def over():
                done = Counter(row["state"] for row in installation.rows("messages"))
                return done["delivered"] + done["undelivered"] == count

            wait_for(over, "every message to have its end", pause=0.2)
            for name, carrier in carriers.items():
                for text in ANSWERS:
                    loop.call_soon_threadsafe(carrier.poster.reply, number(name, 1), "1204", text)
            wait_for(
                lambda: len(installation.rows("replies")) == 2 * len(CONTRACTS), "the replies", pause=0.2
            )
            posters = [carrier.poster for carrier in carriers.values()]
            wait_for(lambda: not any(poster.busy for poster in posters), "the last calls")
            yield installation.rows("messages"), installation.rows("replies"), carriers, server


@pytest.mark.slow
@pytest.mark.parametrize("provider", CONTRACTS)
def test_receipts_and_replies_come_back(ended, provider):
    """A customer of this provider would not learn what became of messages, or miss what people answer."""
    messages, replies, carriers, server = ended
    mine = {row["recipient"]: row for row in messages if row["recipient"].startswith(PREFIXES[provider])}
    expected = {number(provider, row): "undelivered" if row == 3 else "delivered" for row in range(ROWS)}
    assert {recipient: row["state"] for recipient, row in mine.items()} == expected
    took = Counter(message.destination for message in carriers[provider].messages)
    assert took == dict.fromkeys(expected, 1)
    answers = [(row["text"], row["account"], row["sender"]) for row in replies if row["backend"] == provider]
    assert sorted(answers) == [(text, "shop", number(provider, 1)) for text in ANSWERS]
    poster = carriers[provider].poster
    assert poster.counts.given_up == 0
    assert set(HOOK_FAULTS) == set(poster.posting.faults)
    log = [json.loads(line) for line in server.log.splitlines() if '"hook_refused"' in line]
    refused = {(line["status"], line["reason"]) for line in log if line["backend"] == provider}
    assert refused <= {(401, "the signature is wrong")}


@pytest.mark.slow
def test_forged_receipts_are_counted(ended):
    """Calls without a signature would be taken, or be refused where nobody looks."""
    server = ended[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.web_port}/readyz", timeout=20) as page:
        shown = page.read().decode()
    for provider in SIGNED:
        assert f"The webhook of {provider} refused calls (" in shown
    for text in ("Traceback", TOKEN, SECRET):
        assert text not in server.log
