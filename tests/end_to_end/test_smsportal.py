"""Files of SMSPortal over SFTP and in a mounted folder, from the upload to the last message or the report."""

import contextlib
import errno
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import clients
from tests.support.server import Mount, wait_for

EXAMPLES = Path(__file__).parents[1] / "data" / "smsportal"
WITHIN = 10.0
NUMBERS = ("27821234567", "27831234567", "27841234567")


def document(*contacts, **options):
    """The text of a file to these contacts; numbers become contacts, none given are three."""
    contacts = [c if isinstance(c, dict) else {"msisdn": c} for c in contacts or NUMBERS]
    return "version: 7\n" + json.dumps({"message_template": "Hello", **options, "contacts": contacts})


class Portal:
    """An account with its three folders."""

    def __init__(self, account):
        self.account = account

    def set(self, *pairs):
        """Change settings."""
        self.account.installation.run("account", "set", self.account.name, *pairs)

    @staticmethod
    def upload(sftp, name, text):
        """Write a file."""
        with sftp.open(name, "w") as file:
            file.write(text)

    @staticmethod
    def where(sftp, name):
        """The folder in which a file is."""
        return next((f for f in ("Processed", "Errors", "Send_SMS") if name in sftp.listdir(f)), None)

    def wait_for(self, sftp, name, folder):
        """Wait until a file has gone where it belongs."""
        wait_for(lambda: self.where(sftp, name) == folder, f"{name} in {folder}", WITHIN)

    def recipients(self, name, count):
        """To whom the messages of a file went; so many, and no more."""
        return sorted(message["recipient"] for message in self.account.wait_for_sent(name, count))

    @staticmethod
    def faults(sftp, name):
        """The reports on a file: code, contact and number of each fault, and the lines for people."""
        report = json.loads(sftp.open(f"Errors/{name}.errors.json").read())
        lines = sftp.open(f"Errors/{name}.errors.txt").read().decode().splitlines()
        assert len(lines) == len(report["faults"]) + 2, lines
        return [(fault["code"], fault["contact"], fault["msisdn"]) for fault in report["faults"]], lines


@pytest.fixture(scope="module")
def portal(server, base, kit):
    """An account of the dialect; its files are found in the outbox by their names."""
    (base / "portal").mkdir()
    return Portal(kit.Account(server, "portal", base / "portal", "--dialect", "smsportal"))


@pytest.fixture
def sftp(portal):
    """A session as the account."""
    with portal.account.session() as sftp:
        yield sftp


@pytest.fixture(scope="module")
def mounted(portal, base):
    """The account mounted as a folder."""
    with Mount(portal.account.installation, base / "portal-mount", "portal") as mount:
        yield mount
    assert "Traceback" not in mount.log


class Paramiko:
    """Paramiko's ``put``, which compares the size at the end."""

    def __init__(self, sftp):
        self.sftp = sftp

    def put(self, file, target):
        """Put."""
        self.sftp.put(str(file), target, confirm=True)


CLIENTS = {
    "openssh": lambda portal, _: clients.OpenSsh(portal.account.login),
    "scp": lambda portal, _: clients.Scp(portal.account.login),
    "lftp": lambda portal, _: clients.Lftp(portal.account.login),
    "psftp": lambda portal, _: clients.Psftp(portal.account.login),
    "curl": lambda portal, _: clients.Curl(portal.account.login),
    "rclone": lambda portal, _: clients.Rclone(portal.account.login),
    "fuse": lambda portal, mounted: clients.Folder(portal.account.login, mounted.mountpoint),
}


@pytest.fixture(params=[*CLIENTS, "sshfs", "paramiko"])
def client(request, portal, mounted, sftp, tmp_path):
    """Each client, with the name it has in file names."""
    with contextlib.ExitStack() as stack:
        if request.param == "sshfs":
            (tmp_path / "sshfs").mkdir()
            made = stack.enter_context(clients.sshfs(portal.account.login, tmp_path / "sshfs"))
        elif request.param == "paramiko":
            made = Paramiko(sftp)
        else:
            made = CLIENTS[request.param](portal, mounted)
        made.name = request.param
        yield made


@pytest.mark.parametrize("pause", [None, "intake"], ids=["gone at once", "still there"])
def test_an_upload_is_sent_once_and_no_client_reports_an_error(client, pause, portal, sftp, tmp_path):
    """People could not send with this client, or it would report a failure and send again."""
    name = f"by {client.name} {pause}.json"
    (tmp_path / name).write_text(document())
    with portal.account.server.paused(pause) if pause else contextlib.nullcontext():
        client.put(tmp_path / name, f"Send_SMS/{name}")
        assert sftp.stat(f"Send_SMS/{name}").st_size == len(document())
    portal.wait_for(sftp, name, "Processed")
    assert portal.recipients(f"Processed/{name}", 3) == list(NUMBERS)
    assert sftp.stat(f"Send_SMS/{name}").st_size == len(document())
    assert name not in sftp.listdir("Send_SMS")


@pytest.mark.parametrize("way", ["{}.filepart", "../{}", "{}.1a2b.partial", "x.{}.writing", ".in.{}"])
def test_clients_that_rename_at_the_end(portal, sftp, way):
    """Half a file would be sent, or none: WinSCP, rclone, Spring, lftp, or a rename from another folder."""
    name = f"renamed {len(way)}{way[0]}.json"
    first = "Send_SMS/" + way.format(name) if not way.startswith("..") else name
    portal.upload(sftp, first, document())
    with portal.account.server.paused("intake"):
        assert portal.where(sftp, name) is None
        sftp.rename(first, f"Send_SMS/{name}")
        sftp.utime(f"Send_SMS/{name}", (1_700_000_000, 1_700_000_000))
        sftp.chmod(f"Send_SMS/{name}", 0o600)
        assert sftp.stat(f"Send_SMS/{name}").st_size == len(document())
    portal.wait_for(sftp, name, "Processed")
    assert portal.recipients(f"Processed/{name}", 3) == list(NUMBERS)


def test_a_file_is_locked_under_its_name(portal, sftp):
    """A client could change a list while it is read, or send it under two names."""
    name = "locked.json"
    with portal.account.server.paused("intake"):
        portal.upload(sftp, f"Send_SMS/{name}", document())
        assert sftp.listdir("Send_SMS").count(name) == 1
        for change in (
            lambda: sftp.remove(f"Send_SMS/{name}"),
            lambda: sftp.rename(f"Send_SMS/{name}", "Send_SMS/other.json"),
            lambda: sftp.open(f"Send_SMS/{name}", "w"),
            lambda: sftp.truncate(f"Send_SMS/{name}", 0),
        ):
            with pytest.raises(PermissionError, match="goes to Processed or Errors then") as refusal:
                change()
            assert refusal.value.errno == errno.EACCES
        portal.upload(sftp, "other.part", "x")
        for rename in (sftp.rename, sftp.posix_rename):
            with pytest.raises(OSError, match="is being processed"):
                rename("other.part", f"Send_SMS/{name}")
    portal.wait_for(sftp, name, "Processed")
    assert portal.recipients(f"Processed/{name}", 3) == list(NUMBERS)


@pytest.mark.parametrize(("number", "texts"), [(1, 4), (2, 1), (3, 4), (4, 3)])
def test_the_examples_of_the_page_go_through(portal, sftp, number, texts):
    """A file that is right by the vendor's own page would not be sent."""
    name, text = f"example {number}.txt", (EXAMPLES / f"example-{number}.txt").read_text()
    end = datetime.now(UTC) + timedelta(minutes=5)
    portal.set("check_networks=false")
    portal.upload(sftp, f"Send_SMS/{name}", text.replace("2017-11-02 06:34", f"{end:%Y-%m-%d %H:%M}"))
    portal.wait_for(sftp, name, "Processed")
    portal.set("check_networks=true")
    assert len(portal.recipients(f"Processed/{name}", texts)) == texts
    portal.upload(sftp, f"Send_SMS/again {name}", text)
    portal.wait_for(sftp, f"again {name}", "Errors")
    codes = {code for code, _, _ in portal.faults(sftp, f"again {name}")[0]}
    empty = {"MSISDN.NoNetworkFound", "EmptySend.NoValidMessages"}
    assert codes == ({"IncorrectScheduledDate"} if number == 2 else empty)


GOOD, BAD = {"msisdn": NUMBERS[0]}, {"msisdn": "1111111111"}
EMPTY = ("EmptySend.NoValidMessages", None, "")
#: What is wrong -> the text, where the file goes, the faults, and a part of what people read.
FAULTS = {
    "end before start": (
        document(start="2096-11-22 10:00", end="2096-11-22 09:00"),
        *("Errors", [("IncorrectScheduledDate", None, "")], "is not later than start"),
    ),
    "no network": (
        document(GOOD, BAD),
        *("Processed", [("MSISDN.NoNetworkFound", 2, "1111111111")], "contact 2 (1111111111): "),
    ),
    "nobody with a network": (
        document(BAD),
        *("Errors", [("MSISDN.NoNetworkFound", 1, "1111111111"), EMPTY], "no message can be sent to any"),
    ),
    "no message": (
        document(message_template=""),
        *("Errors", [("RequiredParameter.Missing", None, "")], "contact 1 has no message of its own"),
    ),
    "no number": (
        document(GOOD, {}),
        "Processed",
        [("RequiredParameter.Missing", 2, "")],
        "msisdn is missing",
    ),
    "version": (
        document().replace("7", "6", 1),
        *("Errors", [("File.InvalidVersion", None, "")], '"6" is no version'),
    ),
    "character": (
        document(GOOD, {"msisdn": NUMBERS[1], "message": "Žluť"}),
        *(
            "Processed",
            [("File.ParseError", 2, NUMBERS[1])],
            '"Ž" (U+017D LATIN CAPITAL LETTER Z WITH CARON)',
        ),
    ),
    "max_errors": (
        document(GOOD, BAD, max_errors="0"),
        "Errors",
        [("MSISDN.NoNetworkFound", 2, "1111111111"), ("File.ParseError", None, "")],
        "max_errors allows 0, so nothing was sent",
    ),
    "cut short": (document()[:-9], "Errors", [("File.Corrupt", None, "")], "line 2, "),
    "email": (
        document(GOOD, email="nobody"),
        "Processed",
        [("File.ParseError", None, "")],
        '"nobody" is no address',
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_is_told_with_its_code(portal, sftp, what):
    """A program or a person would not learn which message was not sent, and why."""
    text, folder, faults, words = FAULTS[what]
    name = f"{what}.json"
    portal.upload(sftp, f"Send_SMS/{name}", text)
    portal.wait_for(sftp, name, folder)
    told, lines = portal.faults(sftp, name)
    assert told == faults
    assert any(words in line for line in lines), lines
    assert [line.split("  ")[0] for line in lines[1:-1]] == [code for code, _, _ in faults]
    count = int(folder == "Processed")
    assert portal.recipients(f"Processed/{name}", count) == [NUMBERS[0]] * count


def test_reports_are_the_server_s(portal, sftp):
    """A client could make a report say what did not happen, or not clear it away."""
    name = "reported.json"
    portal.upload(sftp, f"Send_SMS/{name}", document(BAD))
    portal.wait_for(sftp, name, "Errors")
    report = f"Errors/{name}.errors.txt"
    for change in (
        lambda: sftp.open(report, "w"),
        lambda: sftp.rename(report, "Send_SMS/report.txt"),
        lambda: sftp.open("Errors/new.txt", "w"),
    ):
        with pytest.raises(
            PermissionError, match=r"is the server's; it can be|Only the server puts files into"
        ):
            change()
    for path in (report, f"Errors/{name}.errors.json", f"Errors/{name}"):
        sftp.remove(path)
    assert [path for path in sftp.listdir("Errors") if path.startswith("reported")] == []


def test_who_has_opted_out_gets_nothing(portal, sftp):
    """People would be written to who have asked not to be, or their sender never learn of it."""
    options = ("--account", "portal")
    run = portal.account.installation.run
    run("optout", "add", NUMBERS[1], *options)
    for name, folder, text in (
        ("some out.json", "Processed", document()),
        ("all out.json", "Errors", document(NUMBERS[1])),
        ("not asked.json", "Processed", document(NUMBERS[1], check_optouts="False")),
    ):
        portal.upload(sftp, f"Send_SMS/{name}", text)
        portal.wait_for(sftp, name, folder)
    assert portal.recipients("Processed/some out", 2) == [NUMBERS[0], NUMBERS[2]]
    assert portal.recipients("Processed/not asked", 1) == [NUMBERS[1]]
    assert portal.faults(sftp, "some out.json")[0] == [("MSISDN.Optout", 2, NUMBERS[1])]
    assert portal.faults(sftp, "all out.json")[0] == [("MSISDN.Optout", 1, NUMBERS[1]), EMPTY]
    run("optout", "remove", NUMBERS[1], *options)
    rows = portal.account.installation.rows("messages", *options, "--file", "some out.json")
    assert [(row["state"], row["code"]) for row in rows if row["recipient"] == NUMBERS[1]] == [
        ("rejected", "MSISDN.Optout")
    ]


def test_credits_limit_what_is_sent_and_a_file_can_be_tried_again(portal, sftp):
    """An account could send what nobody pays for, or a file be lost to a bill that was paid a minute late."""
    name = "paid.json"
    portal.set("credits=2")
    portal.upload(sftp, f"Send_SMS/{name}", document())
    portal.wait_for(sftp, name, "Errors")
    told, lines = portal.faults(sftp, name)
    assert told == [("InsufficientCredits", None, "")]
    assert "the account's credit is 2 SMS, and this file takes 3" in lines[1]
    portal.set("credits=3")
    sftp.rename(f"Errors/{name}", f"Send_SMS/{name}")
    portal.wait_for(sftp, name, "Processed")
    assert portal.recipients(f"Processed/{name}", 3) == list(NUMBERS)
    shown = portal.account.installation.run("account", "show", "portal").stdout
    assert [line.split() for line in shown.splitlines() if line.startswith("credits")] == [["credits", "0"]]
    portal.set("credits=")


def test_a_name_is_sent_once_in_48_hours(portal, sftp):
    """A program that uploads a list again after a failure of its own would write to everybody twice."""
    name = "once.json"
    portal.upload(sftp, f"Send_SMS/{name}", document(BAD))
    portal.wait_for(sftp, name, "Errors")
    portal.upload(sftp, f"Send_SMS/{name}", document())
    portal.wait_for(sftp, name, "Processed")
    portal.upload(sftp, "Send_SMS/ONCE.json", document(GOOD))
    portal.wait_for(sftp, "ONCE.json", "Errors")
    told, lines = portal.faults(sftp, "ONCE.json")
    assert told == [("File.DuplicateFound", None, "")]
    assert "a file of this name was processed within the last 48 hours" in lines[1]
    assert portal.recipients(f"Processed/{name}", 3) == list(NUMBERS)


def packed(path, **inside):
    """A zip archive; in names, a dot stands as two underscores."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in inside.items():
            archive.writestr(name.replace("__", "."), text)
    return str(path)


def test_zips_hold_documents_whose_names_count(portal, sftp, tmp_path):
    """A list would be sent twice because it was packed, or a part of an archive without the rest."""
    first = packed(tmp_path / "1", a__json=document(GOOD), b__txt=document(BAD, *NUMBERS[1:]))
    sftp.put(first, "Send_SMS/week.zip")
    portal.wait_for(sftp, "week.zip", "Processed")
    assert portal.faults(sftp, "week.zip")[0] == [("MSISDN.NoNetworkFound", 1, "1111111111")]
    assert portal.recipients("Processed/week.zip", 3) == list(NUMBERS)
    sftp.put(packed(tmp_path / "2", c__json=document(GOOD)), "Send_SMS/week.zip")
    assert len(portal.account.wait_for_sent("Processed/week.", 4)) == 4
    sftp.put(packed(tmp_path / "3", d__json=document(GOOD), A__JSON=document(GOOD)), "Send_SMS/other.zip")
    portal.wait_for(sftp, "other.zip", "Errors")
    told, lines = portal.faults(sftp, "other.zip")
    assert told == [("File.DuplicateFound", None, "")]
    assert "other.zip/A.JSON: a file of this name was processed" in lines[1]
    sftp.put(packed(tmp_path / "4", d__json=document(GOOD)), "Send_SMS/third.zip")
    portal.wait_for(sftp, "third.zip", "Processed")
    assert portal.recipients("Processed/third.zip", 1) == [NUMBERS[0]]
    (tmp_path / "5").write_bytes((tmp_path / "1").read_bytes()[:-40])
    sftp.put(str(tmp_path / "5"), "Send_SMS/cut.zip")
    portal.wait_for(sftp, "cut.zip", "Errors")
    assert portal.faults(sftp, "cut.zip")[0] == [("File.Corrupt", None, "")]


@pytest.mark.parametrize(("limit", "name"), [("max_batch_bytes", "long.json"), ("max_zip_bytes", "long.zip")])
def test_limits_are_told(portal, sftp, tmp_path, limit, name):
    """A client would not learn that its file is too long, and upload it again and again."""
    portal.set(f"{limit}=50")
    file = packed(tmp_path / name, long__txt=document()) if name.endswith(".zip") else tmp_path / name
    if not name.endswith(".zip"):
        file.write_text(document())
    sftp.put(str(file), f"Send_SMS/{name}")
    portal.wait_for(sftp, name, "Errors")
    portal.set(f"{limit}=20971520")
    told, lines = portal.faults(sftp, name)
    assert len(told) == 1
    assert "at most 50 are read: split it" in lines[1], lines


def test_nothing_is_found_amiss_afterwards(portal, sftp):
    """An operator would be told of faults that are none, by the command that looks for faults."""
    portal.upload(sftp, "Send_SMS/amiss.json", document(GOOD, BAD))
    portal.wait_for(sftp, "amiss.json", "Processed")
    assert portal.account.installation.run("fsck").stdout.strip() == "The store is sound."
    rows = portal.account.installation.rows("files", "--account", "portal")
    shown = {row["file"]: (row["state"], row["messages"], row["causes"]) for row in rows}
    assert shown["Processed/amiss.json"] == ("success", 1, 1)
    assert shown["Errors/amiss.json.errors.txt"] == ("success", None, None)
