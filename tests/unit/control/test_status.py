"""What an operator has to look at."""

import pytest
from attrs import evolve

from smsfs.control.status import Facts, ago, findings, status_of

NOW = 1_700_000_000.0
FRONT = {"host": "one", "kind": "front", "alive": True, "trouble": ""}
UP = {"backend": "out", "host": "one", "state": "up", "queued": 7, "reason": "", "since": None}
FINE = Facts(
    NOW, backends=[UP], hosts=[FRONT], queue={"out": NOW - 9}, free=0.5, certificates={"ftp": NOW + 9e6}
)


def told(**changed):
    """The findings of facts that are fine but for some, as words."""
    return [f"{item.level} {item.about}: {item.what}" for item in findings(evolve(FINE, **changed))]


def test_nothing_is_said_where_all_is_fine():
    """A monitor that cries wolf is switched off."""
    assert told() == []
    assert status_of(findings(FINE)) == 0
    assert told(queue={"out": NOW + 900}, waiting={("out", "shop"): NOW + 900}, reading=NOW + 900) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"hosts": []}, "critical smsfs serve: runs on no host, so nothing is read or sent"),
        (
            {"hosts": [FRONT, FRONT | {"kind": "dispatch", "trouble": "exit status 1"}]},
            "critical dispatch on one: does not stay up: exit status 1",
        ),
        (
            {"backends": [UP | {"state": "down", "reason": "refused"}]},
            "critical out: down on one: refused, 7 messages wait",
        ),
        (
            {"backends": [UP, UP | {"host": "two", "state": "open", "reason": "refused"}]},
            "warning out: open on two: refused, 7 messages wait",
        ),
        (
            {"backends": [UP | {"state": "paused", "reason": "paused by ada: lunch", "since": "noon"}]},
            "warning out: paused by ada: lunch, since noon, 7 messages wait",
        ),
        (
            {"queue": {"out": NOW - 700}, "waiting": {("out", "shop"): NOW - 600}},
            "warning out: messages wait for 11 min (of shop)",
        ),
        ({"queue": {"out": NOW - 7300}}, "critical out: messages wait for 2 h"),
        ({"reading": NOW - 4000}, "critical intake: a file waits to be read for 1 h"),
        ({"damaged": 4}, "critical store: 4 messages have a damaged record: smsfs fsck"),
        (
            {"unknown": 1000},
            (
                "warning messages: 1000 or more got no answer, and may have been sent: "
                "smsfs messages --state unknown"
            ),
        ),
        ({"free": 0.02}, "critical disk: 2% of it is free"),
        ({"free": 0.05}, "warning disk: 5% of it is free"),
        ({"certificates": {"ftp": NOW - 90_000}}, "critical certificate of [ftp]: it ended 1 d ago"),
        ({"certificates": {"web": NOW + 180_000}}, "warning certificate of [web]: it ends in 2 d"),
        ({"spent": ["shop"]}, "warning shop: its credit is used up, so its files are rejected"),
        (
            {"backends": [UP | {"credit_low": True, "credit": "3 EUR"}]},
            "warning out: its carrier has a credit of 3 EUR left",
        ),
    ],
)
def test_each_trouble_is_said_once(changed, expected):
    """An operator would not see why messages wait, or would look for several reasons."""
    assert told(**changed) == [expected]
    assert status_of(findings(evolve(FINE, **changed))) == (2 if expected.startswith("critical") else 1)


def test_the_worst_comes_first():
    """What keeps messages from being sent would stand below what can wait."""
    assert [line.split()[0] for line in told(free=0.05, hosts=[])] == ["critical", "warning"]
    assert [ago(seconds) for seconds in (-1, 59, 60, 7200, 180_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]
