"""What a move to ``.ready`` does, and which uploads it refuses as cut off."""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from threading import Thread

import fs.move
import pytest
from fs import errors

from smsfs.dialects.registry import dialect
from smsfs.pipeline.intake.reader import Intake, IntakeRules

PORTAL = b'version: 7\n{"message_template": "Hello", "contacts": [{"msisdn": "27821234567"}]}'
ROWS = b"msisdn,message\n4512345678,Hello\n"


def batches(store):
    """The files that were submitted, as (stem, path)."""
    return [(batch.stem, batch.path) for batch in store.queue.batches()]


def _moved(files):
    files.move("a.csv", "a.ready")


def _moved_over(files):
    files.move("a.csv", "a.ready", overwrite=True)


def _moved_by_function(files):
    fs.move.move_file(files, "a.csv", files, "a.ready")


def _moved_by_its_absolute_path(files):
    files.move("/./a.csv", "//a.ready", preserve_time=True)


@pytest.mark.parametrize("move", [_moved, _moved_over, _moved_by_function, _moved_by_its_absolute_path])
def test_a_move_submits_once(files, store, move):
    """Messages would be sent twice or never if a move were a copy and a deletion, or two renames."""
    files.writebytes("a.csv", ROWS)
    move(files)
    ((stem, path),) = batches(store)
    assert (stem, files.listdir("/")) == ("a", [path])
    assert files.readbytes(path) == ROWS


def test_a_folder_object_submits_too(everyone, store):
    """A program that works in ``opendir(account)`` would not be able to send."""
    folder = everyone.opendir("acme")
    folder.writebytes("a.csv", ROWS)
    folder.move("a.csv", "a.ready")
    assert [stem for stem, _ in batches(store)] == ["a"]


def test_the_old_name_tells_the_new_one(files):
    """A program would not learn under which name to look for the outcome of its file."""
    files.writebytes("a.csv", ROWS)
    files.move("a.csv", "a.ready")
    info = files.getinfo("a.ready", ["smsfs"])
    assert files.listdir("/") == [info.name]
    assert info.get("smsfs", "state") == "processing"


def test_the_name_is_free_again(files, store):
    """A daily file of a fixed name could not be sent twice within a minute."""
    for text in (b"Hello", b"Good-bye"):
        files.writebytes("a.csv", ROWS.replace(b"Hello", text))
        assert (files.exists("./a.csv/"), files.exists("a.ready")) == (True, False)
        files.move("a.csv", "a.ready")
    assert [stem for stem, _ in batches(store)] == ["a", "a"]


def test_the_name_of_a_file_that_moved_on_is_free(everyone, store):
    """A program that uploads only what is not there would not upload the next list of the same name."""
    account = store.accounts.add("portal", "smsportal", {"check_networks": False}, 0.0)
    everyone.writebytes("portal/Send_SMS/a.json", PORTAL)
    assert everyone.exists("portal/Send_SMS/a.json")
    assert Intake(store, store.register("intake"), dialect, IntakeRules("outbox")).step()
    assert everyone.getsize("portal/Send_SMS/a.json") == len(PORTAL)
    assert not everyone.exists("portal/Send_SMS/a.json")
    assert everyone.exists("portal/Processed/a.json")
    assert everyone.exists("portal/Send_SMS")
    everyone.copy("portal/Processed/a.json", "portal/Send_SMS/a.json")
    assert [batch.stem for batch in store.queue.batches(account.id)] == ["a.json", "a.json"]


def test_a_race_to_submit_has_one_winner(files, store):
    """Two threads that submit the same file would send its messages twice."""

    def submit(name):
        try:
            files.move("a.csv", name)
        except errors.ResourceNotFound:
            return 0
        return 1

    files.writebytes("a.csv", ROWS)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(submit, [f"a{number}.ready" for number in range(8)])) == 1
    assert len(batches(store)) == 1


def test_threads_share_a_filesystem(files, store):
    """A threaded program would lose files, or mix up their bytes."""

    def send(number):
        rows = ROWS.replace(b"Hello", b"Hello %d" % number)
        files.upload(f"{number}.csv", io.BytesIO(rows))
        files.move(f"{number}.csv", f"{number}.ready")
        return files.readbytes(f"{number}.ready") == rows

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(32))) == [True] * 32
    assert sorted(int(stem) for stem, _ in batches(store)) == list(range(32))


def test_slow_uploads_do_not_wait_for_each_other(files):
    """A program that relays a slow upload would stop every other thread's work until it ends."""

    class Slow:
        def __init__(self):
            self.parts = iter([ROWS, b""])

        def read(self, size):
            del size
            other = Thread(target=files.writebytes, args=("b.csv", ROWS), daemon=True)
            other.start()
            other.join(20)
            assert not other.is_alive()
            return next(self.parts)

    files.upload("a.csv", Slow())
    assert files.readbytes("a.csv") == files.readbytes("b.csv") == ROWS


class Stop(Exception):
    """What goes wrong in a block."""


class Breaking(io.RawIOBase):
    """A source that ends in an error after some bytes."""

    def __init__(self):
        self.parts = iter([ROWS])

    def read(self, size=-1):
        """Some bytes, then the error."""
        del size
        try:
            return next(self.parts)
        except StopIteration:
            raise Stop from None


def _raw(files):
    with files.openbin("a.csv", "w") as file:
        file.write(ROWS)
        raise Stop


def _buffered(files):
    with files.open("a.csv", "wb") as file:
        file.write(ROWS)
        raise Stop


def _updated(files):
    with files.open("a.csv", "w+b") as file:
        file.write(ROWS)
        raise Stop


def _text(files):
    with files.open("a.csv", "w") as file:
        file.write(ROWS.decode())
        raise Stop


def _uploaded(files):
    files.upload("a.csv", Breaking())


def _written_from_a_file(files):
    files.writefile("a.csv", Breaking())


@pytest.mark.parametrize("write", [_raw, _buffered, _updated, _text, _uploaded, _written_from_a_file])
def test_a_block_left_by_an_exception_is_an_upload_cut_off(files, store, write):
    """Half a file would be sent after the program that wrote it had failed."""
    with pytest.raises(Stop):
        write(files)
    assert files.readbytes("a.csv") == ROWS
    with pytest.raises(errors.PermissionDenied, match="cut off"):
        files.move("a.csv", "a.ready")
    files.writebytes("a.csv", ROWS)
    files.move("a.csv", "a.ready")
    assert len(batches(store)) == 1


@pytest.mark.parametrize("mode", ["wb", "w+b", "w", "a"])
def test_a_forgotten_file_is_an_upload_cut_off(files, mode):
    """Half a file would be sent because the program that wrote it dropped it half way."""
    held = [files.open("a.csv", mode)]
    held[0].write(ROWS if "b" in mode else ROWS.decode())
    with pytest.warns(ResourceWarning, match=r"a\.csv was never closed"):
        held.clear()
    with pytest.raises(errors.PermissionDenied, match="cut off"):
        files.move("a.csv", "a.ready")


def test_a_file_forgotten_unbuffered_is_an_upload_cut_off(files):
    """As above, for programs that write without a buffer."""
    held = [files.openbin("a.csv", "w")]
    held[0].write(ROWS)
    with pytest.warns(ResourceWarning, match=r"a\.csv was never closed"):
        held.clear()
    with pytest.raises(errors.PermissionDenied, match="cut off"):
        files.move("a.csv", "a.ready")


def test_a_detached_file_is_complete_when_closed(files, store):
    """A program that takes the layers off a file could never send it."""
    layered = files.open("a.csv", "w")
    layered.write(ROWS.decode())
    file = layered.detach().detach()
    del layered
    file.close()
    files.move("a.csv", "a.ready")
    assert len(batches(store)) == 1


def test_closing_the_filesystem_cuts_off_open_files(files, filesystems, store):
    """Half a file would be sent because its filesystem was closed before it."""
    file = files.open("a.csv", "wb")
    file.write(ROWS)
    file.flush()
    files.close()
    with pytest.raises(errors.FilesystemClosed):
        files.listdir("/")
    with pytest.raises(ValueError, match="closed"):
        file.write(ROWS) and file.flush()
    with pytest.raises(PermissionError, match="cut off"):
        filesystems.of(store.accounts.find("acme")).rename("a.csv", "a.ready", replace=False)


def test_an_open_file_is_not_submitted(files):
    """What a program is still writing would be sent half."""
    with files.open("a.csv", "wb") as file:
        file.write(ROWS)
        with pytest.raises(errors.ResourceLocked, match="still being written"):
            files.move("a.csv", "a.ready")


def test_a_move_to_another_account_copies(everyone):
    """An operator could not hand a draft from one account to another."""
    everyone.writebytes("acme/a.csv", ROWS)
    everyone.writebytes("other/b.csv", b"")
    with pytest.raises(errors.DestinationExists):
        everyone.move("acme/a.csv", "other/b.csv")
    everyone.move("acme/a.csv", "other/b.csv", overwrite=True)
    assert everyone.readbytes("other/b.csv") == ROWS
    assert list(map(everyone.listdir, ["acme", "other"])) == [[], ["b.csv"]]


def test_a_move_between_accounts_submits_nothing(everyone, store):
    """A draft moved by mistake into another account would be sent on that customer's bill."""
    everyone.writebytes("acme/a.csv", ROWS)
    with pytest.raises(errors.PermissionDenied, match="under another name first"):
        everyone.move("acme/a.csv", "other/a.ready")
    assert everyone.readbytes("acme/a.csv") == ROWS
    assert not batches(store)


def test_many_small_writes_arrive_in_order(files):
    """Rows written one by one, as csv.writer does, would be lost or out of order."""
    with files.open("a.csv", "w") as file:
        file.writelines(repeat("x" * 99 + "\n", 3000))
    assert files.readtext("a.csv") == ("x" * 99 + "\n") * 3000
