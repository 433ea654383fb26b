import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("options", "way"), [([], "over SMPP"), (["--carrier", "gatewayapi"], "by webhook")])
def test_demo_sends_and_tells_how_it_went(options, way):
    """The first thing that a newcomer runs would fail, or show what does not happen."""
    done = subprocess.run(
        [sys.executable, "-m", "smsfs", "demo", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout
    assert f"Its receipts have come back {way};" in shown
    assert "to 4512345601 from Clinic, 1 SMS: Dear Ada, your appointment is tomorrow at 09:15." in shown
    results = shown.partition("get results/")[2]
    assert [results.count(f",{state},") for state in ("delivered", "undelivered")] == [2, 1]
    assert "line 3, column msisdn" in shown.partition("Why, at the bottom of")[2]
    assert shown.rstrip().endswith("of the second, none was sent.")
