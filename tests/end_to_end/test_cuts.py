"""Uploads that end in the middle: what arrived is a draft that is never sent."""

import contextlib
import signal
import subprocess

import paramiko
import pytest

from tests.support import clients
from tests.support.server import Installation, Mount, Server, wait_for

#: What paramiko raises when it closes a file over a connection that is gone.
GONE = (EOFError, OSError, paramiko.SSHException)
CUT = "was cut off; upload it again"


def assert_not_sent_until_uploaded_again(shop, sftp, kit, name):
    """The draft is there, is refused with a sentence, is not sent; whole, it is."""

    def sentence(rename):
        try:
            rename(name, f"{name}.ready")
        except OSError as refusal:
            return "still being written" not in str(refusal) and str(refusal)  # until the server has noticed
        return "submitted"

    for rename in (sftp.rename, sftp.posix_rename):
        assert CUT in wait_for(lambda rename=rename: sentence(rename), "the server to notice the cut")
    assert [item for item in sftp.listdir() if item.startswith(name)] == [name]
    with sftp.open(name, "w") as file:
        file.write(kit.csv_of(name))
    sftp.rename(name, f"{name}.ready")
    shop.wait_for_state(sftp, name, "success")
    messages = shop.wait_for_sent(name, 3)
    assert sorted(message["userref"] for message in messages) == kit.references(name)


def arrived(sftp, name):
    """How many bytes of a file the server has."""
    return sum(item.st_size for item in sftp.listdir_attr() if item.filename == name)


def test_a_client_killed_in_the_middle_of_an_upload(shop, sftp, kit, tmp_path):
    """Half a file would be sent when a laptop is closed."""
    name = "killed.csv"
    (tmp_path / name).write_text(kit.csv_of(name, 100_000))
    client = clients.OpenSsh(shop.login)
    command = client.command("-q", "-l", "2000")  # kbit/s
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path, start_new_session=True) as process:
        try:
            process.stdin.write(f"put {name}\n".encode())
            process.stdin.flush()
            wait_for(lambda: arrived(sftp, name), "the first bytes")
        finally:
            process.kill()  # its ssh follows it
    assert 0 < arrived(sftp, name) < (tmp_path / name).stat().st_size
    assert_not_sent_until_uploaded_again(shop, sftp, kit, name)


def test_an_upload_that_was_cut_can_be_resumed(shop, sftp, kit, tmp_path):
    """After a cut, a large file would have to be uploaded from its start, or never be sent."""
    name, text = "resumed.csv", kit.csv_of("resumed.csv", 1000)
    with shop.session() as other:
        file = other.open(name, "w")
        file.write(text[: len(text) // 2])
        other.get_channel().close()
        wait_for(lambda: '"/resumed.csv"' in shop.server.log or '"resumed.csv"' in shop.server.log, "the cut")
        with contextlib.suppress(*GONE):
            file.close()
    (tmp_path / name).write_text(text)
    commands = (f'reput "{tmp_path / name}" {name}', f"rename {name} {name}.ready")
    clients.OpenSsh(shop.login).batch(*commands)
    shop.wait_for_state(sftp, name, "success")
    messages = shop.wait_for_sent(name, 1000)
    assert sorted(message["userref"] for message in messages) == kit.references(name, 1000)


def test_a_client_that_goes_without_closing_its_file(shop, sftp, kit):
    """Half a file would be sent when a client crashes in good manners."""
    name = "left open.csv"
    with shop.session() as other:
        file = other.open(name, "w")
        file.write(kit.csv_of(name))
        with pytest.raises(OSError, match="still being written"):
            sftp.rename(name, f"{name}.ready")
        other.get_channel().close()
        assert_not_sent_until_uploaded_again(shop, sftp, kit, name)
        with contextlib.suppress(*GONE):
            file.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_mount_that_ends_in_the_middle_of_a_copy(shop, sftp, kit, base, number):
    """Half a file would be sent when a mount is killed."""
    name = f"mount {number.name}.csv"
    mount = Mount(shop.installation, base / f"cut-{number.name}", shop.name)
    with mount:
        file = (mount.mountpoint / name).open("wb", buffering=0)
        file.write(kit.csv_of(name).encode())
        wait_for(lambda: arrived(sftp, name), "the first bytes")
        mount.process.send_signal(number)
        mount.process.wait(60)
        with pytest.raises(OSError, match="not connected"):
            file.close()
    assert_not_sent_until_uploaded_again(shop, sftp, kit, name)


def test_a_server_killed_in_the_middle_of_an_upload(base, kit):
    """Half a file would be sent when the host loses power, or a whole one be taken for half."""
    (base / "killed").mkdir()
    with Server(Installation(base / "killed", kit.sections)) as server:
        shop = kit.Account(server, "shop", base / "killed")
        with shop.session() as sftp:
            with sftp.open("whole.csv", "w") as file:
                file.write(kit.csv_of("whole.csv"))
            half = sftp.open("half.csv", "w")
            half.write(kit.csv_of("half.csv"))
            server.kill_all()
            with contextlib.suppress(*GONE):
                half.close()
        server.start()
        with shop.session() as sftp:
            assert arrived(sftp, "half.csv") == len(kit.csv_of("half.csv"))
            with pytest.raises(PermissionError, match=CUT):
                sftp.rename("half.csv", "half.csv.ready")
            sftp.rename("whole.csv", "whole.csv.ready")
            shop.wait_for_sent("whole.csv", 3)
            assert min(sftp.listdir()) == "half.csv"
        assert shop.sent("half") == []
    assert "Traceback" not in server.log
