"""What others wrote, on the terminal of whoever runs a command."""

import unicodedata

import pytest

from smsfs.store import NewReplyPart

#: Of each kind that acts on a terminal one: C0, DEL, C1, an override of direction, a separator.
EVIL = "\x1b]0;owned\x07\x7f\x9b2J\u202e\u2028"


def _is_tame(text):
    return not any(
        unicodedata.category(item) in {"Cc", "Zl", "Zp", "Cs"} or item in "\u202e\u2066"
        for item in text
        if item != "\n"
    )


@pytest.mark.parametrize("command", [["files"], ["messages"], ["replies"], ["messages", "--file", EVIL]])
def test_a_list_steers_nothing(smsfs, submitted, store, command):
    """A client's file name could rewrite what the operator sees above it."""
    smsfs("account", "set", "clinic", "controls=drop")  # else the row is refused
    rows = f'msisdn,message,userref\n4512345601,"{EVIL}",a\n'
    submitted(f"x{EVIL}.csv", rows, until="read")
    store.inbound.receive([], [NewReplyPart("outbox", "4599", "29", EVIL, 1e9)], lambda *_: False)
    for options in ([], ["--json"]):
        done = smsfs(*command, *options)
        assert _is_tame(done.out + done.err)
    assert "owned" in done.out + done.err


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("controls", ["refuse", "drop"])
def test_check_steers_nothing(smsfs, clinic, tmp_path, options, controls):
    """Whoever checks a stranger's file would run what the stranger wrote."""
    smsfs("account", "set", clinic, f"controls={controls}")
    for name, text in (
        (f"[red]x{EVIL}.csv", f'msisdn,message,sender\n4512345601,"{EVIL}",{EVIL}\n{EVIL},x,\n'),
        ("good.csv", f'msisdn,message\n4512345601,"owned{EVIL}"\n'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        done = smsfs("check", tmp_path / name, "--account", clinic, *options)
        assert _is_tame(done.out)
        assert ("owned" if name != "good.csv" or controls == "drop" else "U+001B") in done.out
        assert options or name[:5] in done.out


def test_settings_and_errors_steer_nothing(smsfs, clinic):
    """A text set from a file that somebody sent would act when the account is shown."""
    for arguments in (
        ("account", "set", clinic, f"stop_words={EVIL}"),
        ("account", "show", clinic),
        ("account", "show", clinic, "--json"),
        ("account", "show", EVIL),
        ("check", f"/nowhere/{EVIL}", "--dialect", "gatewayapi"),
        ("messages", "--state", EVIL),
        ("account", "set", clinic, EVIL),
    ):
        done = smsfs(*arguments)
        assert _is_tame(done.out + done.err), arguments
