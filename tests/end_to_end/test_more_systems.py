"""Files of systems with rules of their own, over SFTP, from the upload to the message or the reason."""

import contextlib
from itertools import count

import pytest

from tests.support.scenarios import SftpDoor
from tests.support.scenarios.user import CUT
from tests.support.server import wait_for

_numbers = count(1)


@pytest.fixture
def account(server, base, kit):
    """Makes a new account of a dialect."""

    def of(dialect):
        name = f"{dialect}{next(_numbers)}"
        (base / name).mkdir()
        return kit.Account(server, name, base / name, "--dialect", dialect)

    return of


def upload(sftp, path, text):
    """Write a file."""
    with sftp.open(path, "w") as file:
        file.write(text)


def texts(account, number):
    """Who got which text, once so many messages have left."""
    sent = wait_for(
        lambda: len(found := account.installation.sent(account.name)) >= number and found,
        f"{number} messages",
    )
    return sorted((message["recipient"], message["text"]) for message in sent)


def test_a_spool_file_is_sent_or_says_why_not_and_is_sent_once_mended(account):
    """An alarm would reach nobody, or two people twice, and nobody would see it."""
    tools = account("smstools")
    with tools.session() as sftp:
        upload(sftp, "outgoing/alarm", "To: 4510000001\nTo: 4510000002\n\nFire\n")
        wait_for(lambda: "alarm" in sftp.listdir("sent"), "the file in sent")
        assert texts(tools, 2) == [("4510000001", "Fire"), ("4510000002", "Fire")]
        upload(sftp, "outgoing/wrong", "To: 4510000003\nFlash: yes\n\nWater\n")
        wait_for(lambda: "wrong" in sftp.listdir("failed"), "the file in failed")
        shown = sftp.open("failed/wrong").read().decode()
        assert "Fail_reason: smsfs: line 2: header Flash: flash messages are not sent from here" in shown
        mended = shown.replace("yes", "no ")
        upload(sftp, "mended", mended)
        sftp.rename("mended", "outgoing/mended")
        wait_for(lambda: "mended" in sftp.listdir("sent"), "the mended file in sent")
        assert texts(tools, 3)[2:] == [("4510000003", "Water")]
        assert sftp.listdir("outgoing") == []


def test_a_table_of_bulksms_is_sent_whole_or_not_at_all(account):
    """Half a list would be written to, or texts arrive with backslashes in them."""
    bulk = account("bulksms")
    good = 'msisdn,message\n4510000001,"Say \\"hello\\""\n4510000002,Bye\n'
    with bulk.session() as sftp:
        upload(sftp, "wrong.csv", f"{good}12,Hi\n")
        sftp.rename("wrong.csv", "wrong.csv.ready")
        rejected = bulk.wait_for_state(sftp, "wrong.csv", "rejected")
        assert '#smsfs rejected: line 4, column msisdn: "12"' in sftp.open(rejected).read().decode()
        upload(sftp, "good.csv", good)
        sftp.rename("good.csv", "good.csv.ready")
        bulk.wait_for_state(sftp, "good.csv", "success")
        assert texts(bulk, 2) == [("4510000001", 'Say "hello"'), ("4510000002", "Bye")]


def test_a_file_of_clickatell_is_sent_to_all_numbers_but_wrong_ones(account):
    """A campaign would stop at its first wrong number, or nobody learn which one that was."""
    campaign = account("clickatell")
    with campaign.session() as sftp:
        upload(sftp, "campaign.txt", "to:4510000001\nto:12\ntext:Sale\nto:4510000002\n")
        wait_for(lambda: "campaign.txt.sent" in sftp.listdir(), "the file to be sent")
        assert texts(campaign, 2) == [("4510000001", "Sale"), ("4510000002", "Sale")]
        log = sftp.open("campaign.txt.log").read().decode()
        assert log.startswith('ERR: 105, line 2: to: "12" is no phone number')
        upload(sftp, "campaign.txt", "to:4510000001\ntxet:Sale\n")
        wait_for(lambda: "campaign.txt.rejected" in sftp.listdir(), "the file to be rejected")
        (name,) = [name for name in sftp.listdir() if name.endswith(".log") and name != "campaign.txt.log"]
        assert "line 2: txet: this key is unknown" in sftp.open(name).read().decode()


@pytest.mark.parametrize(
    ("dialect", "path", "half", "rest"),
    [
        ("smstools", "outgoing/cut", "To: 4510000007\n\nDo not ", "open the door\n"),
        ("clickatell", "cut.txt", "to:4510000007\ntext:Do not ", "open the door\n"),
    ],
)
def test_an_upload_that_is_cut_off_is_not_sent_until_it_is_whole(account, kit, dialect, path, half, rest):
    """People would read the first half of a text, which may say the contrary."""
    cut = account(dialect)

    def refusal(door):
        words = door.refused(door.rename, path, f"{path}-other")
        return "" if "still being written" in words else words  # until the server has noticed

    with contextlib.closing(SftpDoor(cut.server.port, cut.name, kit.password)) as door:
        door.cut_upload(path, half.encode())
        assert CUT in wait_for(lambda: refusal(door), "the server to notice the cut")
        door.put(path, (half + rest).encode())

    def arrived():
        return [each["text"] for each in cut.installation.sent(cut.name) if each["recipient"] == "4510000007"]

    assert wait_for(arrived, "the whole text") == ["Do not open the door"]
