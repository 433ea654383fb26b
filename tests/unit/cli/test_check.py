import pytest

from smsfs.dialects.registry import DIALECTS

GOOD = 'msisdn,message\n4512345601,Hello\n4512345602,"Kære Bo, hej"\n4512345603,Γειά\n'
BAD = "msisdn,message,sender\n4512345601,Hello,Clinic\n12,Hi,Clinic\n4512345603,,ThisNameIsTooLong\n"


@pytest.fixture
def check(smsfs, tmp_path):
    """Runs ``check`` on a file of the given name and text."""

    def run(name, text, *options):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return smsfs("check", name, *(options or ("--dialect", "gatewayapi")))

    return run


def test_accepted(check):
    """A user could not know before sending what a file costs and how its rows are read."""
    done = check("list.csv", GOOD)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:5] == [
        "list.csv: accepted",
        "  3 messages, 3 SMS (2 gsm7, 1 ucs2)",
        "  row 1: to 4512345601 from (default) (1 SMS, gsm7): 'Hello'",
        "  row 2: to 4512345602 from (default) (1 SMS, gsm7): 'Kære Bo, hej'",
        "  row 3: to 4512345603 from (default) (1 SMS, ucs2): 'Γειά'",
    ]
    assert [line[line.index("U+") :][:6] for line in lines[5:]] == ["U+03B5", "U+03B9", "U+03AC"]


def test_rejected_with_every_cause(check):
    """A user would mend one cause, upload, and learn of the next."""
    done = check("list.csv", BAD)
    assert done.status == 1
    verdict, *causes = done.out.splitlines()
    assert verdict == "list.csv: rejected"
    assert [cause.split(":")[0] for cause in causes] == [
        "  line 3, column msisdn",
        "  line 4, column message",
        "  line 4, column sender",
    ]


def test_json(check):
    """A script that checks files before it uploads them would have to read sentences."""
    (good,) = check("list.csv", GOOD, "--dialect", "gatewayapi", "--json").rows()
    assert (good["accepted"], good["rows"], good["parts"]) == (True, 3, 3)
    assert good["encodings"] == {"gsm7": 2, "ucs2": 1}
    assert [row["recipient"] for row in good["first"]] == ["4512345601", "4512345602", "4512345603"]
    done = check("bad.csv", BAD, "--dialect", "gatewayapi", "--json")
    (bad,) = done.rows()
    assert (done.status, bad["accepted"], bad["cause_count"]) == (1, False, 3)
    assert [(cause["line"], cause["column"]) for cause in bad["causes"]] == [
        (3, "msisdn"),
        (4, "message"),
        (4, "sender"),
    ]


def test_flags_in_the_name_count(check):
    """A file for .excel.ready would be called wrong although it is right, or one that lacks the flag."""
    text = GOOD.replace(",", ";")
    assert check("list.csv.excel", text).status == 0
    assert check("list.csv.excel.ready", text).status == 0
    assert check("list.csv", text).status == 0


def test_account_decides(check, smsfs, clinic):
    """The answer would be for other settings than those the file is read with."""
    assert check("list.csv", BAD, "--account", clinic).status == 1
    smsfs("account", "set", clinic, "bad_rows=skip")
    done = check("list.csv", BAD, "--account", clinic)
    assert done.status == 0
    assert "1 message, 1 SMS" in done.out


def test_name_that_cannot_be_submitted(check):
    """A script that asked for JSON would get none for a file whose name is refused."""
    (result,) = check("._list.csv", GOOD, "--dialect", "gatewayapi", "--json").rows()
    assert not result["accepted"]
    assert "macOS" in result["causes"][0]["reason"]


def test_causes_are_counted_beyond_the_hundredth(check):
    """A wrong file of a million rows would scroll the first cause away."""
    done = check("list.csv", "msisdn,message\n" + "12,Hi\n" * 150)
    assert len(done.out.splitlines()) == 102
    assert done.out.splitlines()[-1] == "  and 50 more"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["list.csv"], 1, f"Say which rules: --dialect {' or '.join(DIALECTS)}, or --account NAME."),
        (["missing.csv", "--dialect", "gatewayapi"], 2, "File 'missing.csv' does not exist."),
        ([".", "--dialect", "gatewayapi"], 2, "File '.' is a directory."),
        (
            ["list.csv", "--dialect", "naxai"],
            1,
            "name one with --account, or use smsfs connector test NAME FILE.",
        ),
        (["list.csv", "--dialect", "smpp"], 2, "'smpp' is not one of 'gatewayapi', 'smsportal', 'naxai', "),
        (
            ["list.csv", "--account", "nobody"],
            1,
            "smsfs serve and smsfs account add make a store; ",
        ),
    ],
)
def test_wrong_arguments(smsfs, tmp_path, arguments, status, told):
    """A slip on the command line would be taken for a rejected file, or end in a traceback."""
    (tmp_path / "list.csv").write_text(GOOD, encoding="utf-8")
    done = smsfs("check", *arguments)
    assert (done.status, done.out) == (status, "")
    assert told in done.err


PORTAL = (
    'version: 7\n{"message_template": "Hello", "contacts": [{"msisdn": "+27821234567"}, {"msisdn": "12"}]}'
)


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ([], 0, "  MSISDN.NoNetworkFound  x.json, contact 2 (12): "),
        (["max_errors"], 1, "  File.ParseError  x.json: 1 contact is wrong, and max_errors allows 0"),
    ],
)
def test_a_document_is_judged_by_its_own_rules(check, options, status, told):
    """A user would be told that a list is refused of which all good contacts would be written to."""
    text = PORTAL.replace('"contacts"', '"max_errors": 0, "contacts"') if options else PORTAL
    done = check("x.json", text, "--dialect", "smsportal")
    assert (done.status, done.err) == (status, "")
    assert done.out.splitlines()[0] == f"x.json: {'rejected' if status else 'accepted'}"
    assert any(line.startswith(told) for line in done.out.splitlines()), done.out
    assert ("1 message, 1 SMS" in done.out) == (not status)


def test_what_makes_texts_costly_is_shown(check):
    """A customer would pay double for a quote that nobody typed, and not know why."""
    text = "msisdn,message\n4512345601," + "x" * 80 + "\u2019\n4512345602,It\u2019s\u2026\n"
    done = check("list.csv", text)
    quote = "(U+2019 RIGHT SINGLE QUOTATION MARK) makes 2 of them ucs2, first at character 81 of row 1"
    assert quote in done.out
    assert "(U+2026 HORIZONTAL ELLIPSIS) makes 1 of them ucs2" in done.out
    assert "with smart=gsm they would take 2 SMS" in done.out
