"""Files of connectors, over SFTP and in a mounted folder: sent and gone, refused and told, or ignored."""

import contextlib
import copy
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import clients
from tests.support.server import Mount, wait_for

WITHIN = 10.0
TEXT = "Dear {{ name }}, see you."


def table(*numbers):
    """A file to these numbers; none given are three."""
    rows = "".join(f"{number},Ada\n" for number in numbers or range(32476000001, 32476000004))
    return f"phone,name\n{rows}"


class Connector:
    """A connector of an account, with the sessions of its own login."""

    def __init__(self, parent, name, *options):
        self.account = copy.copy(parent)
        self.account.name = self.name = name
        sample = parent.home / "sample.csv"
        sample.write_text(table(), encoding="utf-8")
        options = ("--template", TEXT, "--key", str(parent.key.with_suffix(".pub")), *options)
        self.run("connector", "create", name, "--account", parent.name, "--sample", str(sample), *options)

    def run(self, *command):
        """Run a command; the password is sent to its standard input."""
        password = ("--password-stdin",) if "create" in command else ()
        return self.account.installation.run(*command, *password, text="correct-horse-battery\n")

    def set(self, *pairs):
        """Change settings."""
        self.run("connector", "set", self.name, *pairs)

    def statuses(self, name):
        """State and code of each message of a file."""
        rows = self.account.installation.rows("messages", "--account", self.name, "--file", name)
        return [(row["state"], row["code"]) for row in rows]

    def reasons(self, name):
        """The causes that are kept of files of that name."""
        rows = self.account.installation.rows("files", "--account", self.name)
        return [row["cause"] for row in rows if row["file"] == name]


def upload(sftp, name, text):
    """Write a file."""
    with sftp.open(name, "w") as file:
        file.write(text)


def wait_for_names(sftp, *names):
    """Wait until the listing has these names, and no others."""
    wait_for(lambda: sorted(sftp.listdir()) == sorted(names), f"the listing {names}", WITHIN)


def wait_for_reports(sftp, name, count):
    """Wait until a file has gone, and there are so many others."""
    wait_for(lambda: name not in (names := sftp.listdir()) and len(names) == count, "the reports", WITHIN)


@pytest.fixture(scope="module")
def practice(server, base, kit):
    """The account that connectors belong to."""
    (base / "practice").mkdir()
    return kit.Account(server, "practice", base / "practice")


@pytest.fixture(scope="module")
def patients(practice):
    """A connector."""
    return Connector(practice, "patients")


@pytest.fixture
def connector(practice, request):
    """A connector of one test."""
    return Connector(practice, request.node.name.replace("[", "-").rstrip("]").replace("test_", "")[:60])


@pytest.fixture
def sftp(connector):
    """A session as the connector of the test."""
    with connector.account.session() as sftp:
        yield sftp


class Paramiko:
    """Paramiko's ``put``, which compares the size at the end."""

    def __init__(self, sftp):
        self.sftp = sftp

    def put(self, file, target):
        """Put."""
        self.sftp.put(str(file), target, confirm=True)


KINDS = {
    "openssh": clients.OpenSsh,
    "scp": clients.Scp,
    "lftp": clients.Lftp,
    "psftp": clients.Psftp,
    "curl": clients.Curl,
    "rclone": clients.Rclone,
}


@pytest.fixture(scope="module")
def mounted(patients, base):
    """The connector mounted as a folder."""
    with Mount(patients.account.installation, base / "patients-mount", patients.name) as mount:
        yield mount
    assert "Traceback" not in mount.log


@pytest.fixture(params=[*KINDS, "fuse", "paramiko"])
def client(request, patients):
    """Each client, with the name it has in file names."""
    with contextlib.ExitStack() as stack:
        if request.param == "fuse":
            made = clients.Folder(patients.account.login, request.getfixturevalue("mounted").mountpoint)
        elif request.param == "paramiko":
            made = Paramiko(stack.enter_context(patients.account.session()))
        else:
            made = KINDS[request.param](patients.account.login)
        made.name = request.param
        yield made


@pytest.mark.parametrize("ending", ["csv", "rejected"])
def test_an_upload_is_gone_and_no_client_reports_an_error(client, ending, patients, tmp_path):
    """People could not send with this client, or it would report a failure and send again."""
    name, text = f"by {client.name} {ending}.csv", table()
    if ending == "rejected":
        text = text.replace("name", "a name")
    (tmp_path / name).write_text(text)
    client.put(tmp_path / name, name)
    with patients.account.session() as sftp:
        wait_for(lambda: name not in sftp.listdir(), "the file to go", WITHIN)
        assert sftp.stat(name).st_size == len(text)
        if ending == "rejected":
            assert b"holds a space" in sftp.open(f"{name}.rejected").read()
        else:
            sent = patients.account.wait_for_sent(name, 3)
            assert {message["text"] for message in sent} == {"Dear Ada, see you."}


@pytest.mark.parametrize("way", ["{}.filepart", "{}.1a2b.partial", ".in.{}"])
def test_clients_that_rename_at_the_end(patients, way):
    """Half a file would be sent, or none: WinSCP, rclone, lftp."""
    name = f"renamed {len(way)}.csv"
    with patients.account.session() as sftp:
        upload(sftp, way.format(name), table())
        assert patients.account.sent(name) == []
        sftp.rename(way.format(name), name)
        assert sftp.stat(name).st_size == len(table())
        assert len(patients.account.wait_for_sent(name, 3)) == 3


def test_a_file_without_phone_numbers_stays_with_a_reason(connector, sftp):
    """A file for another connector would be sent to wrong numbers, vanish, or stay without a word."""
    upload(sftp, "a.csv", "client,name\n1,Ada\n")
    wait_for(lambda: "ignored" in connector.account.server.log, "the log to tell", WITHIN)
    wait_for(lambda: connector.reasons("a.csv") != [None], "the reason", WITHIN)
    assert sftp.listdir() == ["a.csv"]
    assert 'names no column "phone"' in connector.reasons("a.csv")[0]
    upload(sftp, "a.csv", table())
    wait_for_names(sftp)
    assert len(connector.account.wait_for_sent("a.csv", 3)) == 3


@pytest.mark.parametrize(
    ("setting", "text", "told"),
    [
        ("max_batch_bytes=20", table(), "bytes; at most 20 are allowed: split it"),
        ("max_rows=2", table(), "over 2 rows, as many as are allowed: split it"),
        ("max_rows=9", table().replace("name", "näm€"), 'holds "€" (U+20AC)'),
    ],
    ids=["bytes", "rows", "names"],
)
def test_what_is_rejected_says_why_and_the_next_day_goes_on(connector, sftp, setting, text, told):
    """A client would see neither its file nor a reason, or could not upload the next one."""
    connector.set(setting, "duplicate_seconds=0")
    for shown in (1, 2):
        upload(sftp, "a.csv", text)
        wait_for_reports(sftp, "a.csv", shown)
    assert "a.csv.rejected" in sftp.listdir()
    for name in sftp.listdir():
        assert told in sftp.open(name).read().decode().splitlines()[-1]
    connector.set("max_batch_bytes=1000", "max_rows=1000")
    upload(sftp, "a.csv", table())
    assert len(connector.account.wait_for_sent("a.csv", 3)) == 3
    sftp.remove("a.csv.rejected")


def test_rows_that_are_no_messages_are_told_and_the_others_sent(connector, sftp):
    """A row would be lost without a word, or keep the others from being sent."""
    for count in (1, 2):
        upload(sftp, "a.csv", table(12, 32476000000 + count))
        wait_for_reports(sftp, "a.csv", count)
    assert "a.csv.errors" in sftp.listdir()
    lines = sftp.open("a.csv.errors").read().decode().splitlines()
    assert lines[0] == "1 row of a.csv could not be sent; the daily status files tell of the others."
    assert lines[1].startswith('line 2, column phone: "12" is no phone number')
    assert len(connector.account.wait_for_sent("a.csv", 2)) == 2


def test_rules_about_who_gets_what(connector, sftp, practice):
    """Somebody would get what is too long, a second message, or one after having said STOP."""
    practice.installation.run("account", "set", practice.name, "optouts=true")
    practice.installation.run("optout", "add", "32476000009", "--account", connector.name)
    connector.set("max_parts=1", "dedupe_days=2")
    upload(sftp, "a.csv", table(32476000001, 32476000001, 32476000009) + f"32476000002,{'x' * 200}\n")
    wait_for_names(sftp)
    upload(sftp, "b.csv", table(32476000001, 32476000003))
    wait_for_names(sftp)
    connector.account.wait_for_sent("b.csv", 1)
    connector.account.wait_for_sent("a.csv", 1)
    assert [code for _, code in connector.statuses("a.csv")] == ["", "901", "904", "802"]
    assert [code for _, code in connector.statuses("b.csv")] == ["901", ""]


def test_messages_wait_for_the_calendar(connector, sftp):
    """Phones would ring on a holiday."""
    today, tomorrow = (datetime.now(UTC) + timedelta(days=days) for days in (0, 1))
    connector.set(f"exclusions={today:%Y-%m-%d}..{tomorrow:%Y-%m-%d}")
    upload(sftp, "a.csv", table())
    wait_for_names(sftp)
    assert connector.statuses("a.csv") == [("queued", "")] * 3
    assert connector.account.sent("a.csv") == []
