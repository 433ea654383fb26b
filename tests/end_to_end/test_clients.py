"""Every client that people send files with, from the upload to the last message."""

import contextlib
import re

import pytest

from tests.support import clients
from tests.support.server import wait_for

STATE = r"\.\d{8}T\d{6}\.(processing|success)"


class Paramiko:
    """Paramiko as a client: ``put`` with its check of the size, then one of its two renames."""

    def __init__(self, sftp, how):
        self.sftp, self.rename = sftp, getattr(sftp, how)

    def send(self, file):
        """Put, rename, list."""
        self.sftp.put(str(file), file.name, confirm=True)
        self.rename(file.name, f"{file.name}.ready")
        return "\n".join(self.sftp.listdir())

    def fetch(self, name, target):
        """Get."""
        self.sftp.get(name, str(target))


@contextlib.contextmanager
def sshfs(shop, folder):
    """The account mounted with sshfs."""
    (folder / "sshfs").mkdir()
    with clients.sshfs(shop.login, folder / "sshfs") as client:
        yield client


CLIENTS = {
    "openssh": lambda shop, _mount: clients.OpenSsh(shop.login),
    "scp": lambda shop, _mount: clients.Scp(shop.login),
    "lftp": lambda shop, _mount: clients.Lftp(shop.login),
    "psftp": lambda shop, _mount: clients.Psftp(shop.login),
    "curl": lambda shop, _mount: clients.Curl(shop.login),
    "rclone": lambda shop, _mount: clients.Rclone(shop.login),
    "fuse": lambda shop, mount: clients.Folder(shop.login, mount.mountpoint),
}


@pytest.fixture(params=[*CLIENTS, "sshfs", "paramiko-rename", "paramiko-posix_rename"])
def client(request, shop, mount, tmp_path):
    """Each client, with the name it has in file names."""
    with contextlib.ExitStack() as stack:
        if request.param == "sshfs":
            made = stack.enter_context(sshfs(shop, tmp_path))
        elif request.param.startswith("paramiko"):
            made = Paramiko(stack.enter_context(shop.session()), request.param.partition("-")[2])
        else:
            made = CLIENTS[request.param](shop, mount)
        made.name = request.param
        yield made


def test_what_is_renamed_to_ready_leaves_once(client, shop, sftp, kit, tmp_path):
    """People could not send with this client, would not see what became of a file, or would send it twice."""
    stem = f"sent by {client.name}.csv"
    (tmp_path / stem).write_text(kit.csv_of(stem))
    listing = client.send(tmp_path / stem)
    assert re.search(re.escape(stem) + STATE, listing), listing
    shop.wait_for_state(sftp, stem, "success")
    messages = shop.wait_for_sent(stem, 3)
    assert sorted(message["userref"] for message in messages) == kit.references(stem)
    assert [name for name in sftp.listdir() if name.startswith(stem)] == [messages[0]["file"]]


def test_a_rejected_file_tells_why_and_can_be_mended(client, shop, sftp, kit, tmp_path):
    """A person would not learn what is wrong with a file, or could not mend it with this client."""
    stem = f"mended by {client.name}.csv"
    good = kit.csv_of(stem)
    (tmp_path / stem).write_text(good.replace("4510000001", "+45 10 00 00 01"))
    client.send(tmp_path / stem)
    rejected = shop.wait_for_state(sftp, stem, "rejected")
    client.fetch(rejected, tmp_path / "fetched")
    text = (tmp_path / "fetched").read_text()
    assert text.splitlines()[-1].startswith("#smsfs rejected: line 3, column msisdn: ")
    mended = tmp_path / f"{stem} again"
    mended.write_text(text.replace("+45 10 00 00 01", "4510000001"))
    client.send(mended)
    shop.wait_for_state(sftp, mended.name, "success")
    messages = shop.wait_for_sent(stem, 3)
    assert sorted(message["userref"] for message in messages) == kit.references(stem)


def test_a_rejected_file_can_be_submitted_again_by_its_name(shop, sftp, kit):
    """A person whose file was rejected for a passing reason would have to upload all of it again."""
    with sftp.open("again.csv", "w") as file:
        file.write(kit.csv_of("again.csv") + "nonsense\n")
    sftp.rename("again.csv", "again.csv.ready")
    rejected = shop.wait_for_state(sftp, "again.csv", "rejected")
    sftp.rename(rejected, "mending.csv")
    with sftp.open("mending.csv") as file:
        text = file.read().decode()
    with sftp.open("mending.csv", "w") as file:
        file.write(text.replace("nonsense\n", ""))
    sftp.rename("mending.csv", f"{rejected}.ready")
    shop.wait_for_state(sftp, "again.csv", "success")
    assert len(shop.wait_for_sent("again.csv", 3)) == 3


def winscp(sftp, name, text):
    """What WinSCP sends for a large file that is called ``.ready`` on the client's side already."""
    with pytest.raises(FileNotFoundError):
        sftp.lstat(f"{name}.ready")
    upload(sftp, f"{name}.ready.filepart", text)
    sftp.rename(f"{name}.ready.filepart", f"{name}.ready")
    sftp.utime(f"{name}.ready", (1_700_000_000, 1_700_000_000))


def rclone_since_1_63(sftp, name, text):
    """What later versions of rclone send, which upload under a temporary name."""
    upload(sftp, f"{name}.ready.1a2b3c4d.partial", text)
    sftp.utime(f"{name}.ready.1a2b3c4d.partial", (1_700_000_000, 1_700_000_000))
    assert sftp.stat(f"{name}.ready.1a2b3c4d.partial").st_size == len(text)
    sftp.posix_rename(f"{name}.ready.1a2b3c4d.partial", f"{name}.ready")
    assert sftp.stat(f"{name}.ready").st_size == len(text)


def spring(sftp, name, text):
    """What Spring Integration sends, which removes the target before its rename."""
    upload(sftp, f"{name}.ready.writing", text)
    with pytest.raises(FileNotFoundError):
        sftp.remove(f"{name}.ready")
    sftp.rename(f"{name}.ready.writing", f"{name}.ready")


def upload(sftp, name, text):
    """Upload a file."""
    with sftp.open(name, "w") as file:
        file.write(text)


@pytest.mark.parametrize("sequence", [winscp, rclone_since_1_63, spring])
def test_clients_with_temporary_names_send_and_a_retry_does_not(shop, sftp, kit, sequence):
    """Clients that rename by themselves could not send, or would send twice when they try again."""
    name = f"staged by {sequence.__name__}"
    sequence(sftp, name, kit.csv_of(name))
    shop.wait_for_state(sftp, name, "success")
    upload(sftp, "retry.csv", kit.csv_of(name))
    sftp.rename("retry.csv", f"{name}.ready")
    rejected = shop.wait_for_state(sftp, name, "rejected")
    assert b"a file of this name with the same bytes was accepted" in sftp.open(rejected).read()
    shop.wait_for_sent(name, 3)


@pytest.mark.parametrize("how", ["put -p", "put -f", "put"])
def test_openssh_s_options_bring_no_warning(shop, sftp, kit, tmp_path, how):
    """Every upload with times or modes would print a warning that people take for a failure."""
    name = f"by {how}.csv"
    (tmp_path / name).write_text(kit.csv_of(name))
    words = clients.OpenSsh(shop.login).batch(f'{how} "{tmp_path / name}"', f'rename "{name}" "{name}.ready"')
    assert "remote" not in words.lower(), words
    shop.wait_for_state(sftp, name, "success")
    shop.wait_for_sent(name, 3)


@pytest.mark.parametrize("name", ["openssh", "lftp", "psftp", "rclone", "curl", "fuse"])
def test_an_upload_straight_to_ready_fails(name, shop, mount, sftp, kit, tmp_path):
    """A file would be sent before it is whole, or the client would report success though nothing is sent."""
    target = f"straight by {name}.ready"
    (tmp_path / target).write_text(kit.csv_of(target))
    client = CLIENTS[name](shop, mount)
    with pytest.raises(clients.ClientFailed):
        client.send(tmp_path / target)
    assert [name for name in sftp.listdir() if name.startswith(target)] == []


def test_a_listing_and_a_stat_right_after_the_rename_agree(shop, sftp, kit):
    """Clients that look at the new name after a rename would report a failure and send again."""
    with shop.server.paused("intake"):
        with sftp.open("looked at.csv", "w") as file:
            file.write(kit.csv_of("looked at"))
        sftp.rename("looked at.csv", "looked at.csv.ready")
        (listed,) = [item for item in sftp.listdir_attr() if item.filename.startswith("looked at")]
        assert re.fullmatch(r"looked at\.csv\.\d{8}T\d{6}\.processing", listed.filename)
        for name in ("looked at.csv.ready", listed.filename):
            assert sftp.stat(name).st_size == listed.st_size == len(kit.csv_of("looked at"))
    wait_for(lambda: len(shop.sent("looked at")) == 3, "the messages")


def test_curl_adds_rows_to_a_file(shop, sftp, tmp_path):
    """A program that collects rows in one file would send a garbled list and hear no error."""
    curl = clients.Curl(shop.login)
    first, more = b"msisdn,message\n4512345601,First\n", b"4512345602,Second\n"
    (tmp_path / "first.csv").write_bytes(first)
    (tmp_path / "more.csv").write_bytes(more)
    curl.put(tmp_path / "first.csv", "rows.csv")
    for _ in range(2):
        curl.add(tmp_path / "more.csv", "rows.csv")
    with sftp.open("rows.csv") as file:
        assert file.read() == first + more * 2
    sftp.remove("rows.csv")


@pytest.mark.parametrize("door", ["fuse", "sshfs"])
def test_a_mount_adds_rows_to_a_file(door, shop, mount, sftp, tmp_path):
    """A shell script that collects rows with >> would overwrite the first ones."""
    with contextlib.ExitStack() as stack:
        by_sshfs = stack.enter_context(sshfs(shop, tmp_path)) if door == "sshfs" else None
        folder = by_sshfs.folder if by_sshfs else mount.mountpoint
        (folder / "log.csv").write_bytes(b"one\n")
        for row in (b"two\n", b"three\n"):
            with (folder / "log.csv").open("ab", buffering=0) as file:
                file.seek(0)
                file.write(row)
                file.write(row)
    with sftp.open("log.csv") as file:
        assert file.read() == b"one\ntwo\ntwo\nthree\nthree\n"
    sftp.remove("log.csv")
