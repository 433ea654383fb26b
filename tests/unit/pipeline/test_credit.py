"""The credit that is left with carriers."""

from contextlib import contextmanager

import pytest
from attrs import evolve

from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.outbox_options import OutboxConfig
from smsfs.pipeline.reports.credit import ASK_SECONDS, Credits
from smsfs.pipeline.reports.mail import Relay
from smsfs.pipeline.reports.results import REPORTS
from smsfs.secret import Secret

LOW = GatewayApiConfig("gatewayapi", token=Secret("a"), low_credit=50, credit_email="me@example.com")


class Mails(Relay):
    """A relay that keeps mails; it may be away."""

    sent, away = [], False

    @contextmanager
    def session(self):
        """It takes a mail."""
        if Mails.away:
            raise ConnectionRefusedError("Connection refused")
        yield self

    def send_message(self, mail):
        """Keep it."""
        Mails.sent.append(mail)


@pytest.fixture
def told():
    """What the carrier says, in this order."""
    Mails.sent, Mails.away = [], False
    return []


@pytest.fixture
def asked(house, told):
    """A function that asks once, if it is time."""
    backends = {"out": OutboxConfig("outbox"), "gw": LOW}
    owner = house.store.register("reports")
    relay = Mails("relay", 25, "smsfs@example.com")

    def ask(options):
        assert options is LOW
        found = told.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return Credits(house.store, owner, REPORTS, backends, relay, ask).step


def subjects():
    """Of the mails."""
    return [mail["Subject"] for mail in Mails.sent]


@pytest.mark.logs("credit_low")
def test_one_mail_for_each_crossing(house, clock, asked, told):
    """An operator would get a mail every ten minutes, or none before nothing leaves any more."""
    told += ["80 EUR", "40.5 EUR", "30 EUR", "60 EUR", "49.99 EUR"]
    for _ in range(5):
        assert asked()
        assert not asked()
        clock.now += ASK_SECONDS
    assert subjects() == ["Low credit: 40.5 EUR at gw", "Low credit: 49.99 EUR at gw"]
    assert "less than low_credit, 50" in Mails.sent[0].get_content()
    (kept,) = house.store.routing.credits()
    assert (kept.backend, kept.credit, kept.low, kept.mailed) == ("gw", "49.99 EUR", True, True)


@pytest.mark.logs("credit_low", "credit_mail_failed", "credit_unknown")
def test_what_fails_is_tried_again(house, clock, asked, told):
    """The one mail would be lost with a relay that is away, or the credit with a carrier that is."""
    Mails.away = True
    told += ["1 EUR", OSError("it is away"), "1 EUR"]
    assert asked()
    Mails.away = False
    clock.now += ASK_SECONDS
    assert asked()
    assert house.store.routing.credits()[0].credit == "1 EUR"
    clock.now += ASK_SECONDS
    assert asked()
    assert subjects() == ["Low credit: 1 EUR at gw"]


def test_another_process_goes_on_where_one_ended(house, clock, asked, told):
    """Carriers would be asked at each restart, and by each host of a pair."""
    told.append("80 EUR")
    assert asked()
    second = Credits(house.store, house.store.register("reports"), REPORTS, {"gw": LOW}, None, lambda _: "1")
    assert not second.step(), "it does not lead"
    kept = house.store.routing.credits()
    assert kept == [evolve(kept[0], at=clock.now)]
