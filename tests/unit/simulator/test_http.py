"""``smsfs simulator --provider`` as a person starts it, and the contract that it holds its clients to."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from smsfs.simulator.http.gatewayapi import GatewayApi
from smsfs.simulator.http.taken import Asked

COMMAND = [sys.executable, "-m", "smsfs", "simulator", "--provider", "gatewayapi"]
GOOD = {"message": "Hi", "sender": "Acme", "recipients": [{"msisdn": 4512345678}]}
HEADERS = {"authorization": "Token secret-token", "content-type": "application/json"}


def ask(body, path="/rest/mtsms", method="POST", **headers):
    """Status and body of the contract's answer, and what it took."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    taken = GatewayApi("secret-token").take(
        Asked(method, path, {**HEADERS, **names}, data), 0, lambda _: None
    )
    return taken.status, taken.body, list(taken.messages)


def test_takes_what_the_contract_has():
    """A client that keeps to the contract would be refused."""
    tags = {"tags": ["%n"], "recipients": [{"msisdn": "4512345678", "tagvalues": ["Ann"]}]}
    status, body, taken = ask([GOOD, {**GOOD, "message": "Dear %n", "class": "premium", **tags}])
    assert status == 200
    assert json.loads(body)["ids"] == [1000001, 1000002]
    assert [(item.text, item.klass, item.id) for item in taken] == [
        ("Hi", "standard", "1000001-4512345678"),
        ("Dear Ann", "premium", "1000002-4512345678"),
    ]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"colour": "red"}, 400, "0x0220"),
        ({"message": ""}, 400, "0x0222"),
        ({"message": 5}, 422, "0x0208"),
        ({"class": "gold"}, 422, "0x0218"),
        ({"encoding": "UTF16"}, 422, "0x0208"),
        ({"priority": "LOW"}, 422, "0x0208"),
        ({"sender": "A name of 12"}, 422, "0x0208"),
        ({"sender": "1234567890123456"}, 422, "0x0208"),
        ({"validity_period": 0}, 422, "0x0208"),
        ({"max_parts": 256}, 422, "0x0208"),
        ({"recipients": []}, 400, "0x0222"),
        ({"recipients": [4512345678]}, 422, "0x0208"),
        ({"recipients": [{"msisdn": "+4512345678"}]}, 422, "0x0208"),
        ({"recipients": [{"msisdn": True}]}, 422, "0x0208"),
        ({"recipients": [{"msisdn": 4512345678}] * 2}, 422, "0x0310"),
        ({"recipients": [{"msisdn": 4512345678, "name": "Ann"}]}, 422, "0x0208"),
        ({"recipients": [{"msisdn": 4500000000 + row} for row in range(10_001)]}, 422, "0x0208"),
        ({"tags": ["%n"]}, 422, "0x0208"),
    ],
)
def test_refuses_what_the_contract_does_not_have(change, status, code):
    """A slip of the backend would go unnoticed until a real carrier refuses it."""
    found, body, taken = ask([GOOD, {**GOOD, **change}])
    assert (found, json.loads(body)["code"], taken) == (status, code, [])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"body": b"{"}, 422),
        ({"body": b"[]"}, 422),
        ({"body": GOOD, "authorization": "Bearer secret-token"}, 401),
        ({"body": GOOD, "authorization": "Token another"}, 401),
        ({"body": GOOD, "authorization": ""}, 401),
        ({"body": GOOD, "content_type": "text/plain"}, 400),
        ({"body": GOOD, "path": "/rest/sms"}, 404),
        ({"body": b"", "method": "GET"}, 404),
    ],
)
def test_refuses_strangers_and_other_places(asked, status):
    """A client without the right token, form or address would seem to work."""
    found, _, taken = ask(**asked)
    assert (found, taken) == (status, [])


def post(url, token, number=4512345678):
    """The status of a request."""
    body = json.dumps({**GOOD, "recipients": [{"msisdn": number}]}).encode()
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/rest/mtsms", body, headers)  # noqa: S310 -- loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 -- loopback
            return answer.status
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code


def test_a_session(tmp_path):
    """The options of the command would not reach the carrier that it plays."""
    ledger = tmp_path / "ledger.jsonl"
    options = ["--token", "secret", "--refuse", "^99=0x0215", "--fault", "503=0.25", "--ledger", str(ledger)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("ready gatewayapi http://127.0.0.1:"), process.stderr.read()
            url = line.split()[2]
            statuses = [
                post(url, "secret"),
                post(url, "wrong"),
                post(url, "secret", 9912345678),
                post(url, "secret"),
            ]
            assert statuses == [200, 401, 403, 503]
            process.send_signal(signal.SIGTERM)
            printed, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert "requests 4, accepted 1, refused 2, faulty 1" in printed
    [row] = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert (row["destination"], row["text"], row["class"]) == ("4512345678", "Hi", "standard")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fault", "flood"], "'flood' is no fault; there are 429, 503,"),
        (["--fault", "503=2"], "'2' is no share; write one from 0 to 1, such as 503=0.1."),
        (["--refuse", "99"], "'99' is not PATTERN=CODE"),
        (["--refuse", "(=1"], "is no regular expression"),
        (["--mo", "45:12:Hi"], "--mo needs --hook, the webhook that it is posted to."),
        (["--receipts", "1"], "--receipts needs --hook, the webhook that they are posted to."),
        (["--hook-fault", "flood"], "'flood' is no fault; there are late, doubled,"),
        (["--queue", "5"], "--queue is not for --provider gatewayapi."),
        (["--provider", "smpp", "--token", "x"], "--token is not for --provider smpp."),
        (["--host", "192.0.2.1"], "cannot use 192.0.2.1:8775: Cannot assign requested address."),
    ],
)
def test_wrong_arguments(arguments, sentence):
    """A slip in an option would end in a traceback, or change nothing and say nothing."""
    run = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode != 0
    assert sentence in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
