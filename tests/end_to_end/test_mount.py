"""A mounted folder of a store that a server runs on: both see one another, and programs behave."""

import contextlib
import os
import signal
import subprocess

import pytest

from tests.support import clients
from tests.support.server import Installation, Mount, Server, wait_for

AT_ONCE = 5.0


@pytest.fixture
def folder(mount):
    """The account's files."""
    return mount.mountpoint


@pytest.fixture
def run(shop, folder):
    """Run a shell command in the folder, which must succeed; what it printed."""
    client = clients.Folder(shop.login, folder)
    return lambda command: client.run("sh", "-ec", f"cd '{folder}'; {command}")


def names(folder, beginning):
    """The names in the folder that begin so."""
    return sorted(name for name in os.listdir(folder) if name.startswith(beginning))  # noqa: PTH208 - names, not paths


def test_what_is_submitted_in_the_mount_leaves_at_once(shop, folder, kit):
    """Whoever sends from the host itself would wait for the server's next look."""
    (folder / "quick.csv").write_text(kit.csv_of("quick.csv"))
    (folder / "quick.csv").rename(folder / "quick.csv.ready")
    wait_for(lambda: names(folder, "quick")[0].endswith(".success"), "success in the mount", AT_ONCE)
    assert sorted(item["userref"] for item in shop.wait_for_sent("quick", 3)) == kit.references("quick.csv")


def test_sftp_and_the_mount_show_the_same_at_once(sftp, folder, kit):
    """A script on the host would not see what a client has just uploaded, or be shown an old state."""
    text = kit.csv_of("same.csv")
    with sftp.open("same.csv", "w") as file:
        file.write(text)
    assert (folder / "same.csv").read_text() == text
    sftp.rename("same.csv", "renamed.csv")
    assert names(folder, "same") == []
    assert (folder / "renamed.csv").stat().st_size == len(text)
    (folder / "renamed.csv").write_text(text * 2)
    assert sftp.stat("renamed.csv").st_size == 2 * len(text)
    (folder / "renamed.csv").rename(folder / "back.csv")
    assert sftp.open("back.csv").read().decode() == text * 2
    sftp.remove("back.csv")
    assert not (folder / "back.csv").exists()


def test_a_file_open_in_the_mount_is_not_submitted_over_sftp(sftp, folder, kit):
    """Half of a file that is still being copied would be sent."""
    with (folder / "being copied.csv").open("w") as file:
        file.write(kit.csv_of("being copied"))
        with pytest.raises(OSError, match="still being written"):
            sftp.rename("being copied.csv", "being copied.ready")
    sftp.remove("being copied.csv")


def test_cp_with_attributes_keeps_the_time(run, tmp_path, folder, kit):
    """``cp -p`` in a script would fail, or the copies lose their dates."""
    (tmp_path / "dated.csv").write_text(kit.csv_of("dated"))
    os.utime(tmp_path / "dated.csv", (1_000_000_000, 1_000_000_000))
    run(f"cp -p '{tmp_path}/dated.csv' . && cmp '{tmp_path}/dated.csv' dated.csv")
    assert (folder / "dated.csv").stat().st_mtime == 1_000_000_000
    run("rm dated.csv")


def test_mv_into_the_folder_and_straight_on(run, shop, tmp_path, kit):
    """A script that moves a finished export into the folder would fail."""
    (tmp_path / "export.csv").write_text(kit.csv_of("export"))
    run(f"mv '{tmp_path}/export.csv' . && mv export.csv export.csv.ready")
    assert not (tmp_path / "export.csv").exists()
    shop.wait_for_sent("export.csv", 3)


def test_redirection_and_appending(run, shop):
    """``echo >> file`` in a script would overwrite or lose rows."""
    run(
        "echo msisdn,message > shell.csv; echo 4512345678,one >> shell.csv;"
        "printf '4512345679,two\\n' | tee -a shell.csv; mv shell.csv shell.ready"
    )
    assert sorted(message["text"] for message in shop.wait_for_sent("shell", 2)) == ["one", "two"]


def test_vim_edits_a_draft_and_leaves_nothing_behind(run, folder, kit):
    """A file could not be corrected with vim, or its helper files would gather."""
    (folder / "vim.csv").write_text(kit.csv_of("vim"))
    run("vim -es -u NONE -c '%s/Row/Line/' -c wq vim.csv && grep -c Line vim.csv && rm vim.csv")
    assert names(folder, "vim") == names(folder, ".vim") == names(folder, "4913") == []


def test_nano_edits_a_draft(folder, kit):
    """A file could not be corrected with nano, or its lock file would stay."""
    (folder / "nano.csv").write_text("one\n")
    kit.nano(folder / "nano.csv", "two ", shown="one")
    assert (folder / "nano.csv").read_text() == "two one\n"
    assert names(folder, "nano") == ["nano.csv"]
    assert names(folder, ".nano") == []


def test_rsync_uploads_once(run, tmp_path, folder, kit):
    """A nightly rsync would fail, or upload everything anew each night."""
    (tmp_path / "nightly.csv").write_text(kit.csv_of("nightly", 1000))
    (tmp_path / "nightly.csv").chmod(0o644)
    run(f"rsync -a '{tmp_path}/nightly.csv' .")
    assert run(f"rsync -a -i '{tmp_path}/nightly.csv' .") == ""
    assert (folder / "nightly.csv").read_text() == kit.csv_of("nightly", 1000)
    assert names(folder, ".nightly") == []


def test_what_was_sent_is_kept_from_every_program(run, shop, sftp, folder, kit, tmp_path):
    """The record of what was sent would be overwritten by accident, or could not be cleared away."""
    (folder / "record.csv").write_text(kit.csv_of("record"))
    (folder / "record.csv").rename(folder / "record.csv.ready")
    name = shop.wait_for_state(sftp, "record.csv", "success")
    (tmp_path / "new.csv").write_text("new")
    for command in (
        f"cp '{tmp_path}/new.csv' '{name}'",
        f"echo new > '{name}'",
        f"echo new >> '{name}'",
        f"mv '{name}' again.ready",
        f"rsync '{tmp_path}/new.csv' '{name}'",
        f"truncate -s 0 '{name}'",
        f"vim -es -u NONE -c '%s/Row/Line/' -c wq! '{name}'",
    ):
        with pytest.raises(clients.ClientFailed):
            run(command)
        assert (folder / name).read_text() == kit.csv_of("record"), command
    assert names(folder, "record") == [name]
    run(f"cp '{name}' '{tmp_path}/kept' && rm '{name}'")
    assert names(folder, "record") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_accounts_in_folders_and_a_clean_end(shop, base, kit, number):
    """An operator could not look after all accounts at once, or a stopped mount would stay behind."""
    with Mount(shop.installation, base / f"all-{number.name}") as mount:
        folder = mount.mountpoint / shop.name
        assert shop.name in os.listdir(mount.mountpoint)  # noqa: PTH208 - names, not paths
        (folder / f"{number.name}.csv").write_text(kit.csv_of(number.name))
        (folder / f"{number.name}.csv").rename(folder / f"{number.name}.ready")
        shop.wait_for_sent(number.name, 3)
        with pytest.raises(PermissionError):
            (mount.mountpoint / "stray.csv").write_text("x")
        mount.process.send_signal(number)
        assert mount.process.wait(60) == 0
        assert not mount.is_mounted()
    assert "Traceback" not in mount.log


def test_the_mount_says_that_no_server_runs_and_one_sends_later(base, kit):
    """Files submitted while no server runs would be lost, or nobody would know why they wait."""
    (base / "later").mkdir()
    installation = Installation(base / "later", kit.sections)
    installation.add_account("shop", kit.password)
    with Mount(installation, base / "later-mount", "shop") as mount:
        assert "No smsfs serve runs on this store" in mount.log
        (mount.mountpoint / "later.csv").write_text(kit.csv_of("later"))
        (mount.mountpoint / "later.csv").rename(mount.mountpoint / "later.ready")
        assert names(mount.mountpoint, "later")[0].endswith(".processing")
        with Server(installation):
            wait_for(lambda: len(installation.sent("shop")) == 3, "the messages")
            wait_for(lambda: names(mount.mountpoint, "later")[0].endswith(".success"), "success")


def test_a_folder_lists_itself_and_the_one_above(folder):
    """``ls -a`` shows them everywhere else, and old programs count on them to find a folder's own entry."""
    (folder / "dots.csv").write_text("x")
    command = ["ls", "-ai", str(folder)]
    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    shown = dict(reversed(line.split(maxsplit=1)) for line in lines)
    assert {".", "..", "dots.csv"} <= set(shown)
    assert int(shown["."]) == folder.stat().st_ino
    (folder / "dots.csv").unlink()


def test_mount_of_an_account_that_is_shut_out_ends(base, kit):
    """A program on this host would go on sending for a customer who was shut out."""
    (base / "shut").mkdir()
    installation = Installation(base / "shut", {})
    installation.add_account("vic", kit.password)
    with Mount(installation, base / "shut-mount", "vic") as mount:
        with (mount.mountpoint / "half.csv").open("w") as file:
            file.write("msisdn,message\n")
            file.flush()
            installation.run("account", "disable", "vic")
            wait_for(lambda: mount.process.poll() is not None, "the mount to end")
            with contextlib.suppress(OSError):  # what was left in the program's buffers
                file.close()
        assert mount.process.returncode == 1
        wait_for(lambda: not mount.is_mounted(), "the folder to be free")
        assert "transfer_cut" in mount.log
        assert "This account was closed." in mount.log
        refused = installation.run("mount", str(mount.mountpoint), "--account", "vic", check=False)
    assert refused.returncode == 1
    assert "The account vic is disabled" in refused.stderr
    (left,) = installation.rows("files")
    assert (left["file"], left["state"]) == ("half.csv", "draft")
