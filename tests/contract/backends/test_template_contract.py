"""The examples of ``packaging/http``: each sends by a provider that takes what its documentation shows."""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from smsfs.backends import Accepted, Rejected, Unknown
from smsfs.backends.http.client import HttpBackend
from smsfs.config import checked
from smsfs.simulator.http import HttpBehaviour, HttpSimulator
from tests.support.backend_suite import TEXTS, BackendSuite, envelope
from tests.support.http_carrier import on_a_thread
from tests.support.http_presets import SECRET, contract

PACKAGING = Path(__file__).parents[3] / "packaging"
PRESETS = {
    "own": PACKAGING / "smsfs-http.toml",
    **{path.stem: path for path in sorted((PACKAGING / "http").glob("*.toml"))},
}


def configured(name, url, folder, secret=SECRET):
    """The section of an example, with another address and the secret in its file."""
    sections = tomllib.loads(PRESETS[name].read_text(encoding="utf-8"))
    [(backend, section)] = sections["backends"].items()
    section.pop("secret", None)
    section |= {"url": url, "secret_file": "secret"}
    (folder / "secret").write_text(secret)
    sections["store"] = {"url": "sqlite:////tmp/smsfs.db"}
    return checked(sections, f"{name}.toml").backends[backend]


class TestTemplate(BackendSuite):
    """The suite that each backend passes, for all examples in turn."""

    @pytest.fixture(params=PRESETS)
    def preset(self, request):
        """The name of an example."""
        return request.param

    @pytest.fixture
    def carrier(self, preset):
        """A provider on a thread of its own: each test runs a loop of its own for the backend."""
        with on_a_thread(HttpSimulator(contract(preset))) as carrier:
            yield carrier

    @pytest.fixture
    def backend(self, preset, carrier, tmp_path):
        """The backend under test."""
        return HttpBackend("carrier", configured(preset, carrier.url, tmp_path), tmp_path)

    @pytest.fixture
    def arrived(self, carrier):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in carrier.messages
        ]


def sent(name, folder, batch, *, behaviour=None, script=(), secret=SECRET):
    """What became of messages to the provider of an example: its answers, the reason, and the provider."""

    async def work():
        async with HttpSimulator(contract(name), behaviour) as carrier:
            carrier.script.extend(script)
            backend = HttpBackend("carrier", configured(name, carrier.url, folder, secret), folder)
            await backend.start()
            answers, reason = {}, ""
            try:
                await backend.submit(
                    batch, lambda item, what: answers.update({item.message.row: what}), lambda: True
                )
            except OSError as exc:
                reason = str(exc)
            await backend.stop()
            return answers, reason, carrier

    return asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.parametrize("name", PRESETS)
def test_texts_arrive_as_they_are(name, tmp_path):
    """A quotation mark or an ampersand in a text would break a request, or let its author add to it."""
    texts = [*TEXTS, "{to} {secret}", '","to":"+4599999999', "a&b=c+d%20e", "<b>&amp;</b>", "\\"]
    batch = [envelope(row, text=text) for row, text in enumerate(texts, 1)]
    answers, _, carrier = sent(name, tmp_path, batch)
    assert {type(what) for what in answers.values()} == {Accepted}
    by_number = {message.destination: message for message in carrier.messages}
    assert [by_number[item.message.recipient].text for item in batch] == texts
    ids = {message.id: message.destination for message in carrier.messages}
    assert [ids[answers[item.message.row].id] for item in batch] == [item.message.recipient for item in batch]


@pytest.mark.parametrize("name", PRESETS)
def test_refusal_of_one_is_about_that_one(name, tmp_path):
    """One barred number would cost others their message."""
    behaviour = HttpBehaviour(refuse=[(re.compile("3$"), "barred")])
    answers, _, carrier = sent(name, tmp_path, [envelope(row) for row in range(1, 6)], behaviour=behaviour)
    assert {row: type(what) for row, what in answers.items()} == {
        **dict.fromkeys((1, 2, 4, 5), Accepted),
        3: Rejected,
    }
    assert len(carrier.messages) == 4


@pytest.mark.parametrize("name", PRESETS)
def test_wrong_secret_rejects_nothing(name, tmp_path):
    """A secret that was mistyped would reject a file, or the operator would not learn why nothing leaves."""
    answers, reason, carrier = sent(name, tmp_path, [envelope(1)], secret="mistyped-secret")
    assert (answers, carrier.messages) == ({}, [])
    assert reason.startswith("the carrier does not let this account send: ")
    assert "mistyped-secret" not in reason


@pytest.mark.parametrize("name", PRESETS)
def test_lost_answer_leaves_messages_in_doubt(name, tmp_path):
    """A message that may have been taken would be sent again without a word about it, or never."""
    answers, _, carrier = sent(name, tmp_path, [envelope(1)], script=["wrong"])
    assert [type(what) for what in answers.values()] == [Unknown]
    assert len(carrier.messages) == 1
