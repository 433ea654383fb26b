"""``smsfs status``."""

import json


def test_the_screen_says_what_is_stuck(smsfs, submitted):
    """A monitor would take a server that does not send for one that is fine."""
    submitted("a.csv", until="read")
    done = smsfs("status")
    assert done.status == 1
    assert done.out.startswith("warning at ")
    assert "\nwarning   outbox: not connected: smsfs serve on " in done.out
    assert "\n\nwaiting longest\nbackend  account  since" in done.out
    found = json.loads(smsfs("status", "--json").out)
    assert found["status"] == "warning"
    assert [(row["backend"], row["account"]) for row in found["waiting"]] == [("outbox", "clinic")]


def test_a_store_that_cannot_be_asked_is_critical(smsfs, tmp_path):
    """A monitor would take a missing store for a mere warning."""
    done = smsfs("status", "-c", tmp_path / "missing.toml")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("smsfs: ")
