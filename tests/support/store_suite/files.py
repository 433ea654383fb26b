"""Files, their contents, writers and aliases."""

import pytest

from smsfs.errors import Exists, StoreUnavailable
from smsfs.states import FileState
from smsfs.store import Account, File, Process, Store
from tests.support.store_suite.base import (
    DAY,
    NOW,
    StoreFixtures,
    accepted,
    draft,
    found,
    new_slice,
    reading,
    submitted,
    verdict,
)


class BreakError(Exception):
    """Ends a transaction from within."""


class ContentSuite(StoreFixtures):
    """What a store promises about bytes."""

    def test_bytes_are_read_as_written(self, store: Store, other: Store) -> None:
        """Messages would have another text than the client's file."""
        content = store.contents.create()
        writer = store.contents.open_write(content)
        assert writer.write(3, b"def") == 3
        assert writer.write(0, b"ab") == 2
        writer.sync()
        assert writer.read(0, 100) == b"ab\0def"
        assert writer.size() == other.contents.size(content) == 6
        assert other.contents.read(content, 3, 2) == b"de"
        assert other.contents.read(content, 6, 2) == b""
        writer.close()

    def test_truncate_cuts_and_extends(self, store: Store) -> None:
        """An upload over a longer one would keep the old end."""
        content = store.contents.create()
        writer = store.contents.open_write(content)
        writer.write(0, b"abcdef")
        writer.truncate(2)
        writer.truncate(4)
        writer.close()
        assert store.contents.read(content, 0, 100) == b"ab\0\0"

    def test_appended_bytes_go_to_the_end_whoever_wrote_before(self, store: Store, other: Store) -> None:
        """Rows added to a file by two programs would overwrite each other."""
        content = store.contents.create()
        first, second = store.contents.open_write(content), other.contents.open_write(content)
        assert first.append(b"a1;") + second.append(b"b1;") + first.append(b"a2;") == 9
        second.write(9, b"b2;")
        second.sync()
        first.append(b"a3;")
        first.sync()
        assert store.contents.read(content, 0, 100) == b"a1;b1;a2;b2;a3;"
        first.close()
        second.close()

    def test_appended_bytes_cross_the_seam_of_blocks(self, store: Store) -> None:
        """A large file that is added to would be damaged where two blocks meet."""
        content, block = store.contents.create(), bytes(range(251)) * 1500
        writer = store.contents.open_write(content)
        for _ in range(3):
            writer.append(block)
        writer.sync()
        assert store.contents.read(content, 0, 2**22) == block * 3
        writer.truncate(len(block) + 5)
        writer.append(b"end")
        writer.sync()
        assert store.contents.read(content, 0, 2**22) == block + block[:5] + b"end"
        writer.close()

    def test_two_writers_keep_each_others_bytes(self, store: Store, other: Store) -> None:
        """A client that uploads a file in parts at once would lose some of them."""
        content = store.contents.create()
        first, second = store.contents.open_write(content), other.contents.open_write(content)
        for start in range(0, 600_000, 60_000):
            writer, byte = (first, b"1") if start % 120_000 else (second, b"2")
            writer.write(start, byte * 60_000)
        first.sync()
        second.sync()
        assert store.contents.read(content, 0, 2**20) == (b"2" * 60_000 + b"1" * 60_000) * 5
        first.close()
        second.close()

    def test_large_content_comes_back_whole(self, store: Store) -> None:
        """Files over one block would be damaged at the seam."""
        data = bytes(range(256)) * 4096
        content = store.contents.create()
        writer = store.contents.open_write(content)
        for start in range(0, len(data), 100_000):
            writer.write(start, data[start : start + 100_000])
        writer.sync()
        writer.close()
        with store.contents.open_read(content) as stream:
            assert stream.readall() == data
            stream.seek(262_140)
            assert stream.read(8) == data[262_140:262_148]

    def test_reader_sees_what_is_written_meanwhile(self, store: Store) -> None:
        """A client that follows its own upload would see an old state of it."""
        content = store.contents.create()
        writer = store.contents.open_write(content)
        with store.contents.open_read(content) as stream:
            assert stream.read(5) == b""
            writer.write(0, b"later")
            writer.sync()
            stream.seek(0)
            assert stream.read(5) == b"later"
        writer.close()

    def test_deleted_content_is_gone(self, store: Store) -> None:
        """Deleted files would fill the disk; deleting twice would fail."""
        kept, gone = store.contents.create(), store.contents.create()
        store.contents.delete([gone, gone])
        assert store.contents.size(kept) == 0
        with pytest.raises(StoreUnavailable, match="missing"):
            store.contents.size(gone)

    def test_orphans_are_old_contents_without_a_file(self, store: Store, account: Account) -> None:
        """The bytes of an upload that just began would be swept away, or those of none kept forever."""
        draft(store, account)
        orphan = store.contents.create()
        past, future = 0.0, 1e11
        assert store.contents.orphans(past) == []
        assert store.contents.orphans(future) == [orphan]

    def test_missing_contents_are_named(self, store: Store, account: Account) -> None:
        """A check of the store would not notice lost bytes."""
        file = draft(store, account)
        draft(store, account, "whole.csv")
        assert store.contents.missing() == []
        store.contents.delete([file.content])
        assert [item.id for item in store.contents.missing()] == [file.id]


class FileSuite(StoreFixtures):
    """What a store promises about files."""

    def test_new_draft_is_found(self, store: Store, other: Store, account: Account) -> None:
        """An uploaded file would not be where it was put."""
        with store.files.change(account.id) as files:
            added = files.add(account.id, "box/a.csv", "c1", NOW)
        view = other.files.view()
        assert view.find(account.id, "box/a.csv") == view.get(added.id) == added
        assert (added.folder, added.name, added.path) == ("box", "a.csv", "box/a.csv")
        assert (added.state, added.size, added.tail, added.cut, added.writers) == (
            FileState.DRAFT,
            0,
            b"",
            False,
            (),
        )
        assert view.find(account.id, "a.csv") is None
        assert view.find(account.id + 1, "box/a.csv") is None
        assert view.get(added.id + 1) is None

    def test_listing_is_one_folder_by_name(self, store: Store, account: Account) -> None:
        """A folder would show files of another folder or account."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        for path in ("b", "a", "box/c"):
            draft(store, account, path)
        draft(store, neighbour, "d")
        view = store.files.view()
        assert [file.name for file in view.listing(account.id, "")] == ["a", "b"]
        assert [file.name for file in view.listing(account.id, "box")] == ["c"]

    def test_a_folder_is_read_by_pages(self, store: Store, account: Account) -> None:
        """A listing would miss files, or show some twice, where the database sorts as people do."""
        names = sorted(
            ["B", "a", "A b", "a-c", "a.csv", "a.csv.1", "ab", "z", "Ä", "ä", "ö", "\uffee", "\U0001f600"]
        )
        for name in (*names, "box/c"):
            draft(store, account, name)
        view, seen, after = store.files.view(), [], ""
        while page := view.page(account.id, "", after, 3):
            assert len(page) <= 3
            after = page[-1].name
            seen += [file.name for file in page]
        assert seen == names
        assert [file.name for file in view.page(account.id, "", "a.csv", 1)] == ["a.csv.1"]
        assert [file.name for file in view.page(account.id, "", "a.c", 2)] == ["a.csv", "a.csv.1"]
        assert view.names(account.id, "", "a.c", 2) == ["a.csv", "a.csv.1"]
        assert view.names(account.id, "", "", 100) == names

    def test_a_listing_tells_what_may_have_another_size(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A client would see an upload under way, or one that was cut off, with the size of long ago."""
        writers = {}
        for name in ("cut", "open", "whole"):
            file = draft(store, account, name)
            with store.files.change(account.id) as files:
                writers[name] = files.add_writer(file.id, owner)
        with store.files.change(account.id) as files:
            files.end_writer(writers["cut"], 5, NOW, cut=True)
            files.end_writer(writers["whole"], 7, NOW, cut=False)
        page = store.files.view().page(account.id, "", "", 10)
        told = [(file.name, file.size, file.tail, file.unsure, file.state) for file in page]
        assert told[0] == ("cut", 5, 0, True, FileState.DRAFT)
        assert (told[1][0], told[1][3]) == ("open", True)
        assert told[2] == ("whole", 7, 0, False, FileState.DRAFT)

    def test_changes_between_pages_hide_nothing(self, store: Store, account: Account) -> None:
        """A file that was there all the time would be missing, or listed twice, as others come and go."""
        for name in "bdfhjl":
            draft(store, account, name)
        first = [file.name for file in store.files.view().page(account.id, "", "", 3)]
        with store.files.change(account.id) as files:
            for name in "bf":
                files.remove(files.find(account.id, name).id)  # type: ignore[union-attr]
            files.remove(files.find(account.id, "j").id)  # type: ignore[union-attr]
            files.move(files.find(account.id, "d").id, "j")  # type: ignore[union-attr]
        draft(store, account, "a")
        draft(store, account, "d")
        rest = [file.name for file in store.files.view().page(account.id, "", first[-1], 10)]
        assert (first, rest) == (["b", "d", "f"], ["h", "j", "l"])

    def test_nothing_is_seen_before_the_commit(self, store: Store, other: Store, account: Account) -> None:
        """Another client would see half of a rename."""
        with store.files.change(account.id) as files:
            files.add(account.id, "a", "c1", NOW)
            assert files.find(account.id, "a") is not None
            assert other.files.view().find(account.id, "a") is None
        assert other.files.view().find(account.id, "a") is not None

    def test_exception_undoes_everything(self, store: Store, account: Account, owner: Process) -> None:
        """A refused submission would leave traces: a batch without a file, a file without a name."""
        file = draft(store, account)
        before = (list(store.files.all()), store.files.view().usage(account.id))
        with pytest.raises(BreakError):
            _do_much_and_break(store, file, owner)
        assert (list(store.files.all()), store.files.view().usage(account.id)) == before
        assert list(store.queue.batches()) == []
        assert store.files.view().alias(account.id, "x.ready", NOW) is None

    def test_store_works_after_an_undone_change(self, store: Store, other: Store, account: Account) -> None:
        """One refused request would block every later one."""
        with pytest.raises(BreakError), store.files.change(account.id):
            raise BreakError
        draft(store, account, "a")
        draft(other, account, "b")
        assert len(list(store.files.all())) == 2

    def test_name_is_taken_once(self, store: Store, account: Account) -> None:
        """Two files would answer to one name."""
        first, second = draft(store, account, "a"), draft(store, account, "b")
        with pytest.raises(Exists), store.files.change(account.id) as files:
            files.move(second.id, "a")
        with pytest.raises(Exists), store.files.change(account.id) as files:
            files.add(account.id, "a", "c3", NOW)
        assert list(store.files.all()) == [first, second]

    def test_accounts_have_names_of_their_own(self, store: Store, account: Account) -> None:
        """A customer could not use a name that another uses."""
        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        assert draft(store, account, "a").id != draft(store, neighbour, "a").id
        assert [file.account for file in store.files.all()] == [account.id, neighbour.id]
        assert [file.account for file in store.files.all(neighbour.id)] == [neighbour.id]

    def test_move_resize_and_times_are_kept(self, store: Store, account: Account) -> None:
        """A listing would show the old name, size or time."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            files.move(file.id, "box/b")
            files.resize(file.id, 77, NOW + 1)
            files.set_times(file.id, NOW + 2)
        seen = found(store, file.id)
        assert (seen.path, seen.size, seen.mtime) == ("box/b", 77, NOW + 2)

    def test_removed_file_is_gone_with_what_hangs_on_it(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A removed file would still answer, or keep its name taken."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            writer = files.add_writer(file.id, owner)
            files.add_alias(account.id, "old", file.id, NOW + 60)
            files.remove(file.id)
        with store.files.change(account.id) as files:
            assert files.end_writer(writer, 1, NOW, cut=False) is None
            files.cut_writer(writer)
        assert store.files.view().alias(account.id, "old", NOW) is None
        assert draft(store, account).id != file.id

    def test_writers_are_counted_by_process(
        self, store: Store, other: Store, account: Account, owner: Process
    ) -> None:
        """A file that another process still writes would be submitted."""
        file, elsewhere = draft(store, account), other.register("other")
        with store.files.change(account.id) as files:
            first = files.add_writer(file.id, owner)
        with other.files.change(account.id) as files:
            second = files.add_writer(file.id, elsewhere)
        assert sorted(found(store, file.id).writers) == [owner.id, elsewhere.id]
        assert [sorted(item.writers) for item in store.files.view().listing(account.id, "")] == [
            [owner.id, elsewhere.id]
        ]
        with store.files.change(account.id) as files:
            ended = files.end_writer(first, 9, NOW + 1, cut=False)
        assert ended is not None
        assert (ended.writers, ended.size, ended.mtime, ended.cut) == ((elsewhere.id,), 9, NOW + 1, False)
        with other.files.change(account.id) as files:
            last = files.end_writer(second, 10, NOW + 2, cut=False)
        assert last is not None
        assert last.writers == ()

    def test_cut_upload_is_remembered_until_the_next(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """The remains of a cut connection would be sent, or a repeated upload never."""
        file = draft(store, account)

        def begin() -> int:
            with store.files.change(account.id) as files:
                return files.add_writer(file.id, owner)

        def end(writer: int, *, cut: bool = False, wrote: bool = True) -> bool:
            with store.files.change(account.id) as files:
                files.end_writer(writer, 3, NOW, cut=cut, wrote=wrote)
            return found(store, file.id).cut

        before, lost = begin(), begin()
        assert end(lost, cut=True)
        assert end(before), "it began before the cut"
        assert end(begin(), wrote=False), "it brought nothing"
        assert not end(begin())
        with store.files.change(account.id) as files:
            files.cut_writer(files.add_writer(file.id, owner))
        seen = found(store, file.id)
        assert (seen.cut, seen.writers) == (True, ())

    def test_draft_begun_anew_has_none_of_its_writers(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """What is left of an upload would be mixed into the next one, or keep it from being sent."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            hanging = files.add_writer(file.id, owner)
            files.cut_writer(files.add_writer(file.id, owner))
            new = files.renew(file.id, store.contents.create(), NOW + 5)
            writer = files.add_writer(file.id, owner)
        assert new.content != file.content
        assert (new.id, new.path, new.size, new.mtime, new.cut) == (file.id, file.path, 0, NOW + 5, False)
        assert found(store, file.id).writers == (owner.id,)
        with store.files.change(account.id) as files:
            assert files.end_writer(hanging, 9, NOW + 6, cut=True) is None
            ended = files.end_writer(writer, 7, NOW + 7, cut=False)
        assert ended is not None
        assert (ended.content, ended.size, ended.cut, ended.writers) == (new.content, 7, False, ())

    def test_submission_changes_file_and_makes_a_batch(
        self, store: Store, other: Store, account: Account
    ) -> None:
        """A file would be in flight that nobody reads."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            number = files.submit(file, "box/a.processing", "box/a", {"utf8", "excel"}, NOW + 3, NOW)
        seen = found(other, file.id)
        assert (seen.state, seen.path, seen.size) == (FileState.PROCESSING, "box/a.processing", 5)
        (batch,) = other.queue.batches()
        assert (batch.id, batch.account, batch.file, batch.path) == (
            number,
            account.id,
            file.id,
            "box/a.processing",
        )
        assert (batch.stem, batch.flags, batch.state) == ("box/a", frozenset({"utf8", "excel"}), "pending")
        assert (batch.submitted, batch.not_before, batch.failures) == (NOW + 3, NOW, 0)
        assert (batch.messages, batch.causes, batch.finished) == (0, (), None)

    def test_reopened_file_is_a_plain_draft(self, store: Store, account: Account, owner: Process) -> None:
        """A mended file would still show the causes of its rejection, or be swept away as finished."""
        batch = reading(store, account, owner)
        store.queue.reject(batch.id, owner, verdict("a.rejected"))
        file = store.files.view().find(account.id, "a.rejected")
        assert file is not None
        with store.files.change(account.id) as files:
            files.reopen(file.id, "b.csv")
        seen = found(store, file.id)
        assert (seen.state, seen.path, seen.tail, seen.size) == (FileState.DRAFT, "b.csv", b"", 5)
        assert store.files.expire({account.id: NOW + DAY}, 10) == []

    def test_alias_answers_until_its_time(self, store: Store, account: Account) -> None:
        """A client that looks for x.ready right after its rename would report a failure."""
        file = _flying(store, account, "a")
        with store.files.change(account.id) as files:
            files.add_alias(account.id, "x.ready", file.id, NOW + 60)
        view = store.files.view()
        seen = view.alias(account.id, "x.ready", NOW + 59.9)
        assert seen is not None
        assert seen.id == file.id
        assert view.alias(account.id, "x.ready", NOW + 60) is None
        assert view.alias(account.id + 1, "x.ready", NOW) is None
        assert view.find(account.id, "x.ready") is None
        assert [item.name for item in view.listing(account.id, "")] == ["a.processing"]

    def test_alias_goes_to_the_newest(self, store: Store, account: Account) -> None:
        """After a second x.ready, its size would be told as that of the first."""
        first, second = _flying(store, account, "1"), _flying(store, account, "2")
        with store.files.change(account.id) as files:
            files.add_alias(account.id, "x.ready", first.id, NOW + 60)
            files.add_alias(account.id, "x.ready", second.id, NOW + 90)
        seen = store.files.view().alias(account.id, "x.ready", NOW + 80)
        assert seen is not None
        assert seen.id == second.id

    def test_alias_ends_when_its_file_is_a_draft_again(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A file that is being mended would still pass for the one that was submitted."""
        file = _flying(store, account, "a")
        batch = store.queue.claim_batch(owner, NOW)
        assert batch is not None
        store.queue.reject(batch.id, owner, verdict("a.rejected"))
        with store.files.change(account.id) as files:
            files.add_alias(account.id, "x.ready", file.id, NOW + 60)
            files.reopen(file.id, "mend.csv")
        assert store.files.view().alias(account.id, "x.ready", NOW) is None

    def test_usage_follows_every_change(self, store: Store, account: Account, owner: Process) -> None:
        """Quotas would drift until an account is refused what it may store."""

        def usage() -> tuple[int, int]:
            sizes = [file.size for file in store.files.all(account.id)]
            kept = store.files.view().usage(account.id)
            assert kept == (len(sizes), sum(sizes))
            return kept

        neighbour = store.accounts.add("neighbour", "gatewayapi", {}, NOW)
        draft(store, neighbour, data=b"1" * 1000)
        assert usage() == (0, 0)
        file = draft(store, account, "a.csv", b"12345")
        assert usage() == (1, 5)
        with store.files.change(account.id) as files:
            files.end_writer(files.add_writer(file.id, owner), 50, NOW, cut=False)
        assert usage() == (1, 50)
        with store.files.change(account.id) as files:
            files.move(file.id, "b.csv")
            files.submit(found(store, file.id), "b.processing", "b", (), NOW, NOW)
        assert usage() == (1, 50)
        batch = store.queue.claim_batch(owner, NOW)
        assert batch is not None
        store.queue.reject(batch.id, owner, verdict("b.rejected"))
        assert usage() == (1, 5)
        assert store.files.expire({account.id: NOW + 1}, 10) == [file.content]
        assert usage() == (0, 0)
        assert store.files.view().usage(neighbour.id) == (1, 1000)

    def test_only_finished_files_expire(self, store: Store, account: Account, owner: Process) -> None:
        """Retention would delete what a client is about to send, or what is being sent."""
        accepted(store, account, owner, new_slice(), stem="done")
        submitted(store, account, "flying")
        draft(store, account, "draft.csv")
        done = store.files.view().find(account.id, "done.success")
        assert done is not None
        assert store.files.expire({account.id: NOW}, 10) == []
        assert store.files.expire({account.id + 1: NOW + DAY}, 10) == []
        assert store.files.expire({account.id: NOW + DAY}, 10) == [done.content]
        assert [file.name for file in store.files.all()] == ["draft.csv", "flying.processing"]

    def test_files_expire_in_bounded_steps(self, store: Store, account: Account, owner: Process) -> None:
        """A sweep after a long stop would hold up every client."""
        for stem in ("a", "b", "c"):
            accepted(store, account, owner, new_slice(), stem=stem)
        assert len(store.files.expire({account.id: NOW + 1}, 2)) == 2
        assert len(store.files.expire({account.id: NOW + 1}, 2)) == 1

    def test_messages_outlive_their_file(self, store: Store, account: Account, owner: Process) -> None:
        """Deleting a finished file would delete the record of its messages."""
        batch = accepted(store, account, owner, new_slice())
        store.files.expire({account.id: NOW + 1}, 10)
        assert [(item.id, item.file) for item in store.queue.batches()] == [(batch.id, None)]
        assert len(list(store.queue.slices(batch.id))) == 1


def _flying(store: Store, account: Account, stem: str) -> File:
    """A file in flight."""
    submitted(store, account, stem)
    file = store.files.view().find(account.id, f"{stem}.processing")
    assert file is not None
    return file


def _do_much_and_break(store: Store, file: File, owner: Process) -> None:
    with store.files.change(file.account) as files:
        files.add_writer(file.id, owner)
        files.add(file.account, "b", "c2", NOW)
        files.submit(file, "x.processing", "x", (), NOW, NOW)
        files.add_alias(file.account, "x.ready", file.id, NOW + 60)
        raise BreakError
