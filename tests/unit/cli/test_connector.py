"""``smsfs connector`` and ``smsfs report``."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from smsfs.cli.connecting import place
from smsfs.frontends.logins import _verify, host_keys
from tests.support.clients import make_key

SAMPLE = "client;mobile;name\n1001;0476123456;Ada\n1002;0476123457;Élise\n1003;12;Bo\n1004;0476123458;Cy\n"
TWO = "mobile,phone,name\n32476123456,32476123457,Ada\n"
LOOPS = "{% for a in (1..99) %}" * 4 + "x" + "{% endfor %}" * 4
NAMED = "it is named as mobile phone numbers are"
TEXT = ("--template", "Dear {{ name }}, ☺ {{ row.client }}", "--country", "BE")


def sentence(done):
    """The one line that a command complained with."""
    lines = done.err.splitlines()
    assert (done.status, len(lines)) == (1, 1), done
    return lines[0].removeprefix("smsfs: ")


@pytest.fixture
def create(smsfs, clinic, tmp_path):
    """Makes a connector from a sample."""

    def create(*options, sample=SAMPLE, name="leads", text=""):
        (tmp_path / "sample.csv").write_text(sample, encoding="utf-8")
        return smsfs(
            *("connector", "create", name, "--account", clinic, "--sample", "sample.csv", *options), text=text
        )

    return create


@pytest.fixture
def leads(create):
    """A connector."""
    done = create(*TEXT)
    assert done.status == 0, done.err
    return "leads"


def test_create_shows_what_would_be_sent(create, store, clinic):
    """A slip in a text would be read first by those who get it."""
    done = create(*TEXT, "--sender", "Clinic", "--set", "max_parts=2")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[-1].startswith("Its password, shown only now: ")
    assert lines[:7] == [
        f"Phone numbers are in the column mobile: {NAMED} and 3 of 4 cells can be phone numbers.",
        '  line 4, column mobile: "12" is no phone number of BE, nor one with a country code',
        "The first 3 messages of sample.csv would be these; nothing is sent now:",
        "  row 1: to 32476123456 from Clinic (1 SMS, ucs2): 'Dear Ada, ☺ 1001'",
        "  row 2: to 32476123457 from Clinic (1 SMS, ucs2): 'Dear Élise, ☺ 1002'",
        "  row 4: to 32476123458 from Clinic (1 SMS, ucs2): 'Dear Cy, ☺ 1004'",
        "Connector leads of account clinic made; it logs in as leads.",
    ]
    (fingerprint,) = (key.get_fingerprint() for key in host_keys(store, []))
    assert lines[7:-1] == [
        "Clients connect as leads by",
        "  SFTP at 127.0.0.1, port 8022; its host keys:",
        f"    ssh-ed25519 {fingerprint}",
    ]
    made = store.accounts.find("leads")
    assert (made.dialect, made.parent) == ("naxai", store.accounts.find(clinic).id)
    assert made.settings == {
        "template": TEXT[1],
        "country": "BE",
        "sender": "Clinic",
        "max_parts": 2,
        "phone_column": "mobile",
    }
    assert list(store.queue.batches()) == []


def test_it_shows_what_waits_for_the_calendar(create):
    """Who mistook the time zone or a day off would learn it from those who got no message."""
    first = datetime.now(UTC).date()
    last = first + timedelta(days=3)
    done = create(*TEXT, "--set", f"exclusions={first}..{last}")
    assert f"(1 SMS, ucs2, not before {last + timedelta(days=1)} 00:00 UTC): 'Dear Ada" in done.out


def test_a_password_is_made_and_shown_once(create, store):
    """Nobody could log in, or the password could be read again."""
    password = create(*TEXT).out.splitlines()[-1].removeprefix("Its password, shown only now: ")
    assert len(password) >= 20
    assert _verify(store.accounts.find("leads").password, password)


def test_own_keys_and_passwords(create, store, tmp_path):
    """A key would come with a password that nobody knows of; a password of one's own would be shown."""
    assert "password" not in create(*TEXT, "--key", make_key(tmp_path).with_suffix(".pub"), name="keyed").out
    keyed = store.accounts.find("keyed")
    assert (keyed.password, len(store.accounts.keys(keyed.id))) == (None, 1)
    assert "secret" not in create(*TEXT, "--password-stdin", text="secret-2\n").out
    assert _verify(store.accounts.find("leads").password, "secret-2")


def test_it_starts_with_what_its_account_has(create, smsfs, clinic, store):
    """A customer's messages would leave through another carrier, or be kept longer than agreed."""
    smsfs("account", "set", clinic, "backend=outbox", "keep_messages_days=7", "bad_rows=skip")
    assert create(*TEXT, "--set", "keep_messages_days=8").status == 0
    settings = store.accounts.find("leads").settings
    assert (settings["backend"], settings["keep_messages_days"], settings.get("bad_rows")) == (
        "outbox",
        8,
        None,
    )


def test_a_sample_may_be_column_names_only(create):
    """The vendor's page asks for no more than the names."""
    done = create("--template", "Hi {{ name }}", sample="phone,name\n")
    assert done.status == 0, done.err
    assert "Nothing can be shown: no message in the first rows of sample.csv." in done.out


@pytest.mark.parametrize(
    ("options", "sample", "told"),
    [
        (["--account", "nobody"], SAMPLE, "There is no account nobody; there are: clinic."),
        (["--phone-column", "x"], SAMPLE, 'The sample has no column "x"; there are "client", "mobile"'),
        ([], TWO, f'phone numbers, choose one with --phone-column: "mobile" ({NAMED} and 1 of 1'),
        ([], "a,b\nx,y\n", 'looks like phone numbers; name one with --phone-column: "a", "b".'),
        ([], "phone,a b\n1,2\n", 'The sample sample.csv does not do: line 1: the name of column 2, "a b"'),
        ([], "", "The sample sample.csv does not do: "),
        (["--template", ""], SAMPLE, "The connector has no text; give one with --template, such as 'Hello"),
        (["--template", "{{ nam }}"], SAMPLE, 'template line 1, column 4: there is no column "nam"; '),
        (["--template", "{{ name"], SAMPLE, "The template cannot be used: line 1, "),
        (["--country", "XX"], SAMPLE, 'country cannot be set: "XX" is no country'),
        (["--country", "DK"], SAMPLE, "No row of the sample sample.csv is a message: line 2, column mobile"),
        (["--set", "foo=1"], SAMPLE, "There is no setting 'foo'"),
        (["--set", "credits=5"], SAMPLE, "A connector spends the credits of its account; set them there."),
        (["--set", "backend=x"], SAMPLE, "There is no backend 'x' in the configuration; there are: outbox."),
        (["--set", "hours=8-20"], SAMPLE, "hours cannot be set: "),
        (
            ["--set", "weekdays=sat", "--set", "exclusions=2020-01-01..2099-12-31"],
            SAMPLE,
            "By this calendar nothing could be sent within a year",
        ),
    ],
)  # fmt: skip
def test_create_refuses_with_a_sentence(create, store, options, sample, told):
    """A connector would be made that sends nothing, or wrong texts, or half of it would stay."""
    done = create(*TEXT, *options, sample=sample)
    assert told in sentence(done)
    assert [account.name for account in store.accounts.all()] == ["clinic"]


def test_names_that_cannot_be(create, smsfs, leads):
    """A connector would replace an account, or belong to another connector."""
    assert sentence(create(*TEXT)) == "There is an account leads already."
    assert "is no account name" in sentence(create(*TEXT, name="a b"))
    done = smsfs("connector", "create", "x", "--account", leads, "--sample", "sample.csv", *TEXT)
    assert sentence(done) == "leads is a connector; name the account that it belongs to."


@pytest.mark.parametrize("bomb", [LOOPS, "{{ name | append: name }}" * 1000, "{% if 1 %}" * 300, "{{" * 1900])
def test_templates_without_end_are_refused_within_a_second(create, smsfs, leads, store, bomb):
    """One connector's text would stop the reader of everybody's files."""
    before = store.accounts.find(leads).settings
    for run in (
        lambda: create("--template", bomb, "--country", "BE", name="bomb"),
        lambda: smsfs("connector", "set", leads, f"template={bomb}"),
    ):
        began = time.process_time()
        assert "The template cannot be used: " in sentence(run())
        assert time.process_time() - began < 1
    assert store.accounts.find("bomb") is None
    assert store.accounts.find(leads).settings == before


def test_on_a_terminal_it_asks(clinic, typed, store, tmp_path):
    """Who sets one up by hand would have to begin anew for each thing that cannot be told from the sample."""
    (tmp_path / "two.csv").write_text(TWO, encoding="utf-8")
    command = ["connector", "create", "leads", "--account", clinic, "--sample", tmp_path / "two.csv"]
    assert typed(command, "phone", "Hi {{ name }}") == 0
    settings = store.accounts.find("leads").settings
    assert (settings["phone_column"], settings["template"]) == ("phone", "Hi {{ name }}")


def test_list_and_show(smsfs, leads, clinic, create):
    """An operator could not see which connectors there are, whose, and what they send."""
    create(*TEXT, name="other")
    table = [line.split() for line in smsfs("connector", "list").out.splitlines()]
    assert table[0] == ["name", "account", "state", "login", "phone_column", "files"]
    assert table[1] == ["leads", clinic, "open", "password", "mobile", "0"]
    rows = smsfs("connector", "list", "--account", clinic, "--json").rows()
    assert [row["name"] for row in rows] == ["leads", "other"]
    (shown,) = smsfs("connector", "show", leads, "--json").rows()
    assert (shown["account"], shown["settings"]["country"]) == (clinic, "BE")
    assert "  country             BE" in smsfs("connector", "show", leads).out.splitlines()


def test_set(smsfs, leads, store):
    """A setting would be lost when another is changed, or stored although it cannot be beside the others."""
    before = dict(store.accounts.find(leads).settings)
    assert smsfs("connector", "set", leads, "weekdays=sat", "template=Hi {{ name }}").status == 0
    assert store.accounts.find(leads).settings == {
        **before,
        "weekdays": "sat",
        "template": "Hi {{ name }}",
    }
    never = smsfs("connector", "set", leads, "exclusions=2020-01-01..2099-12-31")
    assert "nothing could be sent within a year" in sentence(never)
    assert "exclusions" not in store.accounts.find(leads).settings
    assert "credits of its account" in sentence(smsfs("connector", "set", leads, "credits=5"))


@pytest.mark.parametrize("command", [("connector", "test", "leads"), ("check", "--account", "leads")])
def test_a_file_can_be_tried(smsfs, leads, tmp_path, command):
    """A user would learn by sending what a file sends."""
    smsfs("connector", "set", leads, "max_parts=1", "dedupe_file=true")
    long = SAMPLE + f"1005;0476123459;{'x' * 200}\n1006;0476123456;Ada\n"
    (tmp_path / "list.csv").write_text(long, encoding="utf-8")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    done = smsfs(*command, "list.csv")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[1:5] == [
        '  322  line 4, column mobile: "12" is no phone number of BE, nor one with a country code',
        "  3 messages, 3 SMS (3 ucs2)",
        "  1 not sent: 802 message-parts-exceeded",
        "  1 not sent: 901 duplicate",
    ]
    (result,) = smsfs(*command, "other.csv", "--json").rows()
    assert not result["accepted"]
    assert 'names no column "mobile"' in result["causes"][0]["reason"]


def test_disable_and_remove(smsfs, leads, clinic, store):
    """A connector could not be shut, or would be taken away with its account unasked."""
    assert smsfs("connector", "disable", leads).status == 0
    assert store.accounts.find(leads).disabled
    assert smsfs("connector", "disable", leads, "--undo").status == 0
    assert not store.accounts.find(leads).disabled
    told = "This account has connectors: remove those first."
    assert sentence(smsfs("account", "remove", clinic, "--yes")) == told
    assert smsfs("connector", "remove", leads, text="n\n").err == "Aborted.\n"
    assert smsfs("connector", "remove", leads, text="y\n").status == 0
    assert smsfs("account", "remove", clinic, "--yes").status == 0


@pytest.mark.parametrize(
    "arguments", [["show"], ["set", "country=BE"], ["test", "sample.csv"], ["disable"], ["remove", "--yes"]]
)
@pytest.mark.usefixtures("leads")
def test_what_is_no_connector(smsfs, clinic, store, arguments):
    """An account would be changed that only has a similar name."""
    command, *rest = arguments
    told = f"There is no connector {clinic}; there are: leads."
    assert sentence(smsfs("connector", command, clinic, *rest)) == told
    assert store.accounts.find(clinic)


def test_report_of_a_day(smsfs, leads, tmp_path, clinic):
    """Who needs a report before tomorrow, or of a day before a host was up, would get none."""
    done = smsfs("report", leads)
    assert (done.status, done.out.count("\n")) == (0, 1)
    assert done.out.startswith("templateId,fileIngestionId,messageId,phone,")
    assert smsfs("report", leads, "--received", "--day", "2026-01-31", "-o", "r.csv").out == ""
    assert (tmp_path / "r.csv").read_bytes().startswith(b"templateId,fileIngestionId,messageId,outgoing")
    assert sentence(smsfs("report", leads, "--day", "1.2.2026")).startswith(
        "'1.2.2026' is no day; write it as"
    )
    assert "is yet to come; today, in UTC, is " in sentence(smsfs("report", leads, "--day", "2999-01-01"))
    assert sentence(smsfs("report", clinic)) == "clinic is no connector; others have no daily reports."
    missing = smsfs("report", leads, "-o", "no/such/folder.csv")
    assert sentence(missing) == (
        "The report cannot be written to no/such/folder.csv: No such file or directory."
    )


@pytest.mark.parametrize(
    ("listen", "public", "shown"),
    [
        ("127.0.0.1:8022", "", "127.0.0.1, port 8022"),
        ("[::1]:8022", "", "::1, port 8022"),
        ("0.0.0.0:8022", "sms.example.org", "sms.example.org, port 8022"),
        ("0.0.0.0:8022", "sms.example.org:22", "sms.example.org, port 22"),
        ("[::]:8022", "2001:db8::1", "2001:db8::1, port 8022"),
        ("[::]:8022", "[2001:db8::1]:22", "2001:db8::1, port 22"),
        ("127.0.0.1:0", "", "127.0.0.1, the port that smsfs serve prints"),
    ],
)
def test_where_clients_come_to(listen, public, shown):
    """A customer would be told an address behind the firewall, or the wrong port."""
    assert str(place(listen, public)) == shown


def test_only_the_ways_that_are_open_are_told(create, tmp_path, monkeypatch):
    """A customer would be sent to a door that is closed for the connector."""
    ftp = 'certificate = "x.pem"\nplain = true\nimplicit_listen = ["0.0.0.0:990"]'
    text = f'[sftp]\npublic_host = "s.example.org"\n[ftp]\npublic_host = "f.example.org:21"\n{ftp}\n'
    (tmp_path / "c.toml").write_text(text)
    monkeypatch.setenv("SMSFS_CONFIG", str(tmp_path / "c.toml"))
    lines = create(*TEXT).out.splitlines()[-5:-1]
    assert lines == [
        "  SFTP at s.example.org, port 8022; its host keys:",
        lines[1],
        "  FTPS at f.example.org, port 21, explicit (AUTH TLS), passive mode",
        "  FTPS at f.example.org, port 990, implicit, passive mode",
    ]
    done = create(*TEXT, "--set", "protocols=FTP", name="third")
    assert done.out.splitlines()[-2] == "  FTP without TLS at f.example.org, port 21, passive mode"
    assert "FTPS" not in done.out
    assert "names none of sftp, ftps, ftp" in sentence(create(*TEXT, "--set", "protocols=scp", name="fourth"))
    monkeypatch.delenv("SMSFS_CONFIG")
    done = create(*TEXT, "--set", "protocols=ftp,ftps", name="fifth")
    assert done.out.splitlines()[-2].startswith("No client can connect yet: ")
