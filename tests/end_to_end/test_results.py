"""Result files of a real server, as a client of SFTP and a mounted folder see them."""

import csv
import io
import os
import signal
import stat
import threading

import pytest

from tests.support.server import Installation, Mount, Server, wait_for
from tests.support.smsc import Smsc

pytestmark = pytest.mark.logs("worker_ended", "worker_does_not_stay_up")  # they are killed

ROWS = 20_000
BOUND = 60.0


@pytest.fixture(scope="module")
def clinic(server, base, kit):
    """An account that wants result files."""
    (base / "clinic").mkdir()
    return kit.Account(server, "clinic", base / "clinic", "--set", "results=true")


@pytest.fixture
def sftp(clinic):
    """A session of paramiko as the account."""
    with clinic.session() as sftp:
        yield sftp


def submit(sftp, kit, stem, rows=3):
    """A file of so many rows, submitted."""
    with sftp.file(f"{stem}.csv", "w") as file:
        file.write(kit.csv_of(stem, rows))
    sftp.rename(f"{stem}.csv", f"{stem}.ready")


def result_of(sftp, stem):
    """The name of the result file of the file that begins so; None while there is none."""
    return next((f"results/{name}" for name in sftp.listdir("results") if name.startswith(stem)), None)


def fetched(sftp, name):
    """The rows of a result file as they are now."""
    with sftp.file(name) as file:
        return list(csv.DictReader(io.StringIO(file.read().decode(), newline=""), strict=True))


def state(installation, name):
    """The state of a file."""
    return next(row["state"] for row in installation.rows("files") if row["file"] == name)


def test_a_result_file_appears_becomes_final_and_can_be_deleted(clinic, sftp, kit):
    """A client could not learn over SFTP what became of its messages, or never clear the folder."""
    assert [entry.filename for entry in sftp.listdir_attr() if stat.S_ISDIR(entry.st_mode)] == ["results"]
    with clinic.server.paused("dispatch"):
        submit(sftp, kit, "letters")
        name = wait_for(lambda: result_of(sftp, "letters"), "the result file")
        assert [row["state"] for row in fetched(sftp, name)] == ["queued"] * 3
        assert state(clinic.installation, name) == "processing"
        with pytest.raises(PermissionError):
            sftp.remove(name)
    wait_for(lambda: {row["state"] for row in fetched(sftp, name)} == {"submitted"}, "the last state")
    rows = fetched(sftp, name)
    assert [row["userref"] for row in rows] == kit.references("letters")
    assert all(row["done"].endswith("Z") and row["submitted"] for row in rows)
    wait_for(lambda: state(clinic.installation, name) == "success", "the end")
    for change in (
        lambda: sftp.rename(name, "results/mine.csv"),
        lambda: sftp.posix_rename(name, "mine.csv"),
        lambda: sftp.file("results/mine.csv", "w"),
        lambda: sftp.truncate(name, 0),
    ):
        with pytest.raises(PermissionError):
            change()
    sftp.remove(name)
    assert result_of(sftp, "letters") is None
    assert "Result files are" in clinic.server.log


def test_the_mount_has_them(clinic, sftp, kit, base):
    """Whoever works with a mounted folder would have no results, or could not tell them from drafts."""
    submit(sftp, kit, "mounted")
    name = wait_for(lambda: result_of(sftp, "mounted"), "the result file")
    with Mount(clinic.installation, base / "results-mount", "clinic") as mount:
        file = mount.mountpoint / name
        wait_for(lambda: "submitted" in file.read_text(encoding="utf-8"), "the states")
        assert file.parent.is_dir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o444
        with pytest.raises(PermissionError):
            file.with_name("mine.csv").write_text("x", encoding="utf-8")
        wait_for(lambda: state(clinic.installation, name) == "success", "the end")
        file.unlink()
        assert list(file.parent.glob("mounted*")) == []


def kill_while_it_writes(server, contents, over):
    """End the process that writes result files whenever new bytes appear beside the store."""
    seen = set(contents.iterdir())
    while not over.wait(0.001):
        now = set(contents.iterdir())
        pid = server.workers().get("reports") if now - seen else None
        seen = now
        if pid:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_files(clinic, sftp, kit):
    """A client would read half a result file, or one that is never right."""
    contents = clinic.installation.folder / "contents"
    with clinic.server.paused("dispatch"):
        submit(sftp, kit, "large", ROWS)
        name = wait_for(lambda: result_of(sftp, "large"), "the result file", BOUND)
    over, ended = threading.Event(), clinic.server.log.count("worker_ended")
    killer = threading.Thread(target=kill_while_it_writes, args=(clinic.server, contents, over))
    killer.start()
    try:
        for _ in range(200):
            assert [row["row"] for row in fetched(sftp, name)] == [str(row + 1) for row in range(ROWS)]
            if clinic.server.log.count("worker_ended") >= ended + 3:
                break
    finally:
        over.set()
        killer.join()
    assert clinic.server.log.count("worker_ended") >= ended + 3
    wait_for(lambda: state(clinic.installation, name) == "success", "the end", BOUND)
    rows = fetched(sftp, name)
    assert [row["userref"] for row in rows] == [f"large-{row}" for row in range(ROWS)]
    assert {row["state"] for row in rows} == {"submitted"}
    sftp.remove(name)


@pytest.fixture
def surgery(tmp_path, kit):
    """An account whose messages leave over SMPP and whose receipts come after a while; one fails."""
    (tmp_path / "smsfs").mkdir()
    smsc = Smsc(tmp_path)
    with smsc.running("--receipts", "6", "--undelivered", "10000001$"):
        login = {"host": "127.0.0.1", "port": smsc.port, "system_id": "smsfs", "password": "secret"}
        sections = {
            "pipeline": {"default_backend": "carrier"},
            "backends.carrier": {"type": "smpp", **login},
            "log": {"format": "json"},
        }
        with Server(Installation(tmp_path / "smsfs", sections)) as server:
            yield kit.Account(server, "surgery", tmp_path, "--set", "results=true")
        assert "Traceback" not in server.log


def test_receipts_make_it_final(surgery, kit):
    """A client would take what the carrier has for what the patient has read."""
    with surgery.session() as sftp:
        with surgery.server.paused("dispatch"):
            submit(sftp, kit, "letters", 300)
            name = wait_for(lambda: result_of(sftp, "letters"), "the result file")
        wait_for(lambda: {row["state"] for row in fetched(sftp, name)} == {"submitted"}, "the answers")
        wait_for(lambda: state(surgery.installation, name) == "success", "the receipts")
        rows = fetched(sftp, name)
        assert [row["userref"] for row in rows] == [f"letters-{row}" for row in range(300)]
        assert [row["row"] for row in rows if row["state"] == "undelivered"] == ["2"]
        known = {row["row"]: row for row in surgery.installation.rows("messages")}
        for row in rows:
            message = known[int(row["row"])]
            assert (row["carrier id"], row["reason"]) == (message["carrier_id"], message["reason"])
            assert row["done"] == message["done_at"]
            assert row["submitted"] < row["done"]
        sftp.remove(name)
