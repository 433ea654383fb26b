"""What clients may not do, over SFTP and in a mounted folder: the code, the sentence, and nothing changed."""

import errno
import os

import pytest

from tests.support import clients
from tests.support.server import Mount

IN_FLIGHT = "is being processed"
#: What is tried on the file in flight -> the errno that paramiko makes of the status, part of the sentence.
ON_FILE_IN_FLIGHT = {
    "remove": (lambda sftp, name: sftp.remove(name), errno.EACCES, IN_FLIGHT),
    "rename": (lambda sftp, name: sftp.rename(name, "elsewhere.csv"), errno.EACCES, IN_FLIGHT),
    "posix_rename": (
        lambda sftp, name: sftp.posix_rename(name, "elsewhere.csv"),
        errno.EACCES,
        IN_FLIGHT,
    ),
    "submit again": (lambda sftp, name: sftp.rename(name, "more.ready"), errno.EACCES, IN_FLIGHT),
    "overwrite": (lambda sftp, name: sftp.open(name, "w"), errno.EACCES, IN_FLIGHT),
    "write into": (lambda sftp, name: sftp.open(name, "r+"), errno.EACCES, IN_FLIGHT),
    "append": (lambda sftp, name: sftp.open(name, "a"), errno.EACCES, IN_FLIGHT),
    "truncate": (lambda sftp, name: sftp.truncate(name, 0), errno.EACCES, IN_FLIGHT),
    "rename over": (lambda sftp, name: sftp.rename("other.csv", name), errno.EACCES, "given by the server"),
    "replace": (lambda sftp, name: sftp.posix_rename("other.csv", name), errno.EACCES, "given by the server"),
    "chmod": (lambda sftp, name: sftp.chmod(name, 0o600), errno.EACCES, "Permissions are fixed"),
    "chown": (lambda sftp, name: sftp.chown(name, 12, 34), errno.EACCES, "Ownership is fixed"),
    "use as folder": (lambda sftp, name: sftp.listdir(name), None, "is a file, not a folder"),
}
ANYWHERE = {
    "mkdir": (lambda sftp: sftp.mkdir("sub"), errno.EACCES, "Folders are fixed here: mkdir"),
    "rmdir": (lambda sftp: sftp.rmdir("/"), errno.EACCES, "Folders are fixed here: rmdir"),
    "symlink": (lambda sftp: sftp.symlink("other.csv", "link"), errno.EACCES, "symlink is not allowed"),
    "chmod": (lambda sftp: sftp.chmod("other.csv", 0o600), errno.EACCES, "Permissions are fixed"),
    "upload to ready": (lambda sftp: sftp.open("x.ready", "w"), errno.EACCES, "pload it under another name"),
    "upload to success": (lambda sftp: sftp.open("x.success", "w"), errno.EACCES, "given by the server"),
    "rename to rejected": (
        lambda sftp: sftp.rename("other.csv", "x.rejected"),
        errno.EACCES,
        "given by the server",
    ),
    "rename to nothing but ready": (
        lambda sftp: sftp.rename("other.csv", ".ready"),
        errno.EACCES,
        "something must stand before",
    ),
    "rename onto a draft": (lambda sftp: sftp.rename("other.csv", "third.csv"), None, "is there already"),
    "submit an empty file": (lambda sftp: sftp.rename("empty.csv", "empty.ready"), None, "is empty"),
    "upload into a folder": (lambda sftp: sftp.open("sub/x.csv", "w"), errno.ENOENT, "no folder"),
    "remove what is not there": (lambda sftp: sftp.remove("missing"), errno.ENOENT, "no file missing"),
    "rename what is not there": (
        lambda sftp: sftp.rename("missing", "x.ready"),
        errno.ENOENT,
        "no file missing",
    ),
}
CSV = "flying.csv"
OPENSSH = [
    *("rm {0}", "rename {0} x.csv", "put other.csv {0}", "rename other.csv {0}", "chmod 600 {0}"),
    *("mkdir sub", "rmdir /", "ln -s other.csv x", "put other.csv x.ready", "chmod 600 other.csv"),
]


@pytest.fixture(scope="module")
def account(server, base, kit):
    """An account of its own, whose listing no other test changes."""
    (base / "refusals").mkdir()
    return kit.Account(server, "refusals", base / "refusals")


@pytest.fixture(scope="module")
def session(account, kit):
    """A session, with three drafts in the folder."""
    with account.session() as sftp:
        for name in ("other.csv", "third.csv"):
            with sftp.open(name, "w") as file:
                file.write(kit.csv_of(name))
        sftp.open("empty.csv", "w").close()
        yield sftp


@pytest.fixture(scope="module")
def flying(account, session, kit):
    """The name of a file that stays ``.processing`` while the tests run; then it is sent, once."""
    with account.server.paused("intake"):
        with session.open(CSV, "w") as file:
            file.write(kit.csv_of(CSV))
        session.rename(CSV, f"{CSV}.ready")
        (name,) = [name for name in session.listdir() if name.startswith(CSV)]
        yield name
    account.wait_for_state(session, CSV, "success")
    messages = account.wait_for_sent(CSV, 3)
    assert sorted(message["userref"] for message in messages) == kit.references(CSV)


@pytest.fixture
def unchanged(session, flying, kit):
    """Nothing may have changed after the test: names, sizes, modes, times, bytes."""

    def look():
        items = session.listdir_attr()
        return sorted((item.filename, item.st_size, item.st_mode, item.st_mtime) for item in items)

    before = look()
    assert [name for name, *_ in before] == ["empty.csv", flying, "other.csv", "third.csv"]
    yield
    assert look() == before
    for name, content in ((flying, kit.csv_of(CSV)), ("other.csv", kit.csv_of("other.csv"))):
        with session.open(name) as file:
            assert file.read().decode() == content


@pytest.mark.usefixtures("unchanged")
class TestSftp:
    @pytest.mark.parametrize("what", ON_FILE_IN_FLIGHT)
    def test_a_file_in_flight_is_left_alone(self, session, flying, what):
        """A client could pull a file away, or change it, while its messages are made."""
        attempt, number, sentence = ON_FILE_IN_FLIGHT[what]
        with pytest.raises(OSError, match=sentence) as refusal:
            attempt(session, flying)
        assert refusal.value.errno == number

    @pytest.mark.parametrize("what", ANYWHERE)
    def test_what_the_folder_s_rules_forbid(self, session, what):
        """A client would be told the wrong thing, or the rules would not hold."""
        attempt, number, sentence = ANYWHERE[what]
        with pytest.raises(OSError, match=sentence) as refusal:
            attempt(session)
        assert refusal.value.errno == number

    def test_the_name_of_a_submission_is_no_file_to_remove(self, session, flying):
        """Clients that remove the target before a rename would fail, or delete what is being sent."""
        assert session.stat(f"{CSV}.ready").st_size == session.stat(flying).st_size
        with pytest.raises(FileNotFoundError, match="There is no file"):
            session.remove(f"{CSV}.ready")

    def test_times_are_accepted_without_effect(self, session, flying):
        """WinSCP and rclone, which set the time after their rename, would report a failure and send again."""
        session.utime(flying, (1, 1))
        session.utime(f"{CSV}.ready", (1, 1))

    @pytest.mark.parametrize("command", OPENSSH)
    def test_openssh_ends_with_an_error(self, account, flying, kit, command):
        """A script would go on as if it had been done."""
        (account.home / "other.csv").write_text(kit.csv_of("other.csv"))
        with pytest.raises(clients.ClientFailed) as failed:
            clients.OpenSsh(account.login).batch(command.format(flying))
        assert failed.value.status == 1
        assert "ermission denied" in failed.value.words


@pytest.fixture(scope="module")
def folder(account, base):
    """The account mounted."""
    with Mount(account.installation, base / "refused", account.name) as mount:
        yield mount.mountpoint


def write(path, flags):
    """Open a file and close it."""
    os.close(os.open(path, flags))


IN_FOLDER = {
    "rm": (lambda folder, flying: (folder / flying).unlink(), errno.EACCES),
    "mv": (lambda folder, flying: (folder / flying).rename(folder / "x.csv"), errno.EACCES),
    "mv over": (lambda folder, flying: (folder / "other.csv").rename(folder / flying), errno.EACCES),
    "overwrite": (lambda folder, flying: (folder / flying).write_text("x"), errno.EACCES),
    "append": (lambda folder, flying: write(folder / flying, os.O_WRONLY | os.O_APPEND), errno.EACCES),
    "truncate": (lambda folder, flying: os.truncate(folder / flying, 0), errno.EACCES),
    "chmod": (lambda folder, flying: (folder / flying).chmod(0o600), errno.EPERM),
    "chown": (lambda folder, flying: os.chown(folder / flying, 12, 34), errno.EPERM),
    "mkdir": (lambda folder, _: (folder / "sub").mkdir(), errno.EACCES),
    "symlink": (lambda folder, _: (folder / "x").symlink_to("other.csv"), errno.EACCES),
    "link": (lambda folder, _: (folder / "x").hardlink_to(folder / "other.csv"), errno.EACCES),
    "mkfifo": (lambda folder, _: os.mkfifo(folder / "x"), errno.EACCES),
    "chmod of a draft": (lambda folder, _: (folder / "other.csv").chmod(0o600), errno.EPERM),
    "upload to ready": (lambda folder, _: (folder / "x.ready").write_text("x"), errno.EACCES),
    "mv to rejected": (lambda folder, _: (folder / "other.csv").rename(folder / "x.rejected"), errno.EACCES),
    "submit an empty file": (
        lambda folder, _: (folder / "empty.csv").rename(folder / "empty.ready"),
        errno.EPERM,
    ),
    "rm of what is not there": (lambda folder, _: (folder / "missing").unlink(), errno.ENOENT),
}


@pytest.mark.usefixtures("unchanged")
class TestMount:
    @pytest.mark.parametrize("what", IN_FOLDER)
    def test_the_same_rules_hold_in_a_mounted_folder(self, folder, flying, what):
        """What SFTP refuses, someone on the host could do, and change a file while its messages are made."""
        attempt, number = IN_FOLDER[what]
        with pytest.raises(OSError) as refusal:
            attempt(folder, flying)
        assert refusal.value.errno == number

    @pytest.mark.parametrize(
        "command", ["rm -f {0}", "mv {0} x", "cp other.csv {0}", "mkdir x", "chmod 0 {0}"]
    )
    def test_programs_end_with_an_error(self, account, folder, flying, command):
        """A script on the host would go on as if it had been done."""
        client = clients.Folder(account.login, folder)
        with pytest.raises(clients.ClientFailed, match=r"Permission denied|not permitted"):
            client.run("sh", "-c", f'cd "{folder}" && {command.format(flying)}')
