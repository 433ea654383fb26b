"""The scenarios."""

import re

import pytest

from tests.support.scenarios.systems import WRONG_NUMBER
from tests.support.scenarios.user import User
from tests.support.server import wait_for

LARGE_ROWS, LARGE_TEXT = 100, 30_000


class ScenarioSuite:
    """What becomes of what a user does."""

    @pytest.fixture
    def user(self) -> User:
        """Someone with an account that was made with the options of its dialect and ``results=true``."""
        raise NotImplementedError("override the fixture user")

    # -- sending ------------------------------------------------------------------------------------

    def test_a_file_is_uploaded_and_renamed(self, user: User) -> None:
        """Messages would not leave, would leave twice, or nobody would see that they have left."""
        user.door.put(user.waiting, user.document)
        assert user.names() == [user.waiting]
        assert user.door.get(user.waiting) == user.document
        assert user.sent() == []
        user.door.rename(user.waiting, user.sends)
        assert user.door.size(user.sends) == len(user.document)
        user.assert_sent(user.rows)
        user.wait_for_end()
        assert len(user.names()) == bool(user.system.sent)
        assert user.sent() == user.rows

    def test_a_file_is_uploaded_under_the_name_that_sends(self, user: User) -> None:
        """Messages would not leave, the client would report a failure, or half a file be sent."""
        if user.system.straight:
            assert user.system.straight in user.door.refused(user.door.put, user.sends, user.document)
            assert user.names() == []
            return
        user.door.put(user.sends, user.document)
        assert user.door.size(user.sends) == len(user.document)
        user.assert_sent(user.rows)
        user.wait_for_end()

    def test_an_upload_over_a_draft_replaces_it(self, user: User) -> None:
        """Rows of an earlier, longer file would be sent behind those of the one that mends it."""
        user.door.put(
            user.waiting, user.system.document([*user.rows, ("4510000099", f"{user.stem} more")] * 9)
        )
        user.door.put(user.waiting, user.document)
        user.door.rename(user.waiting, user.sends)
        user.assert_sent(user.rows)
        user.wait_for_end()
        assert user.sent() == user.rows

    def test_a_large_file(self, user: User) -> None:
        """A file that takes many packets would arrive in the wrong order, or in part."""
        texts = [f"{user.stem} {row} ".ljust(LARGE_TEXT, "x") for row in range(LARGE_ROWS)]
        rows = [(str(4510000001 + row), text) for row, text in enumerate(texts)]
        document = user.system.document(rows)
        user.door.put(user.waiting, document)
        assert user.door.size(user.waiting) == len(document)
        assert user.door.get(user.waiting) == document
        user.door.rename(user.waiting, user.sends)
        user.assert_sent(rows)
        user.wait_for_end()

    def test_the_same_file_again_is_not_sent_again(self, user: User) -> None:
        """People would get every message twice from a client that repeats an upload."""
        user.upload(user.document)
        user.wait_for_end()
        user.upload(user.document)
        assert user.system.repeated in user.door.get(user.wait_for(user.system.told)).decode()
        user.assert_sent(user.rows)

    # -- what is wrong ------------------------------------------------------------------------------

    def test_a_file_that_cannot_be_read_is_told_why(self, user: User) -> None:
        """A person would not learn what is wrong with a file, or could not clear it away."""
        user.submit(user.system.unreadable)
        assert user.system.cause in user.door.get(user.wait_for(user.system.told)).decode()
        rejected = user.wait_for(user.system.rejected)
        assert user.door.get(rejected).startswith(user.system.unreadable)
        assert user.sent() == []
        for name in user.names():
            user.door.remove(name)
        assert user.names() == []

    def test_a_row_that_is_wrong_is_told(self, user: User) -> None:
        """A person would not learn who gets no message, or would get others sent that must not be."""
        wrong = [user.rows[0], (WRONG_NUMBER, f"{user.stem} wrong"), user.rows[2]]
        user.submit(user.system.document(wrong))
        told = user.wait_for(user.system.told_part or user.system.told)
        assert user.system.wrong_number in user.door.get(told).decode()
        user.assert_sent([user.rows[0], user.rows[2]] if user.system.told_part else [])
        user.door.remove(told)

    def test_an_empty_file_is_not_sent(self, user: User) -> None:
        """A file whose upload has only begun would count as sent, and its rows never leave."""
        user.door.put(user.waiting, b"")
        assert "is empty; there is nothing to send" in user.door.refused(
            user.door.rename, user.waiting, user.sends
        )
        assert user.names() == [user.waiting]
        user.submit(user.document)
        user.assert_sent(user.rows)

    def test_names_that_are_the_server_s(self, user: User) -> None:
        """A file would lie where it is never sent, or pass for one that was, and nobody say so."""
        user.door.put(user.waiting, user.document)
        for path, sentence in user.system.refused.items():
            name = path.format(user.stem)
            assert sentence in user.door.refused(user.door.put, name, user.document), path
            assert sentence in user.door.refused(user.door.rename, user.waiting, name), path
        assert user.names() == [user.waiting]

    @pytest.mark.parametrize(
        ("name", "sentence"), [("\udcff\udcfe", "is not UTF-8"), ("\u00e6" * 128, "has 260 bytes")]
    )
    def test_names_that_cannot_be(self, user: User, name: str, sentence: str) -> None:
        """A file would be stored under a name by which nobody finds it, or the client be cut off."""
        name = f"{user.waiting.rpartition('/')[0]}/{name}.csv".lstrip("/")
        assert sentence in user.door.refused(user.door.put, name, user.document)
        user.door.put(user.waiting, user.document)
        assert sentence in user.door.refused(user.door.rename, user.waiting, name)
        assert user.names() == [user.waiting]

    def test_folders_are_fixed(self, user: User) -> None:
        """Files would be put into folders that nobody looks into."""
        inside = f"{user.stem}-folder/{user.stem}.csv"
        assert "Folders are fixed here" in user.door.refused(user.door.make_folder, inside.partition("/")[0])
        no_folder = re.compile("There is no folder|No such file")
        assert no_folder.search(user.door.refused(user.door.put, inside, user.document))
        user.door.put(user.waiting, user.document)
        assert no_folder.search(user.door.refused(user.door.rename, user.waiting, inside))

    # -- in flight ----------------------------------------------------------------------------------

    def test_a_file_in_flight_is_left_alone(self, user: User) -> None:
        """A client could pull a file away, or change it, while its messages are made."""
        with user.held():
            user.submit(user.document)
            (flying,) = user.names()
            assert user.find(user.system.flying) == [flying]
            assert user.door.size(user.sends) == user.door.size(flying) == len(user.document)
            assert user.door.get(flying) == user.document
            other = user.system.waiting.format(f"{user.stem}-other")
            user.door.put(other, user.document)
            assert "is being processed" in user.door.refused(user.door.remove, flying)
            assert "is being processed" in user.door.refused(user.door.rename, flying, f"{other}.bak")
            assert "is being processed" in user.door.refused(user.door.put, flying, b"other")
            user.door.refused(user.door.rename, other, flying)
            assert sorted(user.names()) == sorted([flying, other])
            assert user.door.get(flying) == user.document
        user.assert_sent(user.rows)
        user.wait_for_end()

    def test_what_was_sent_is_kept_until_it_is_deleted(self, user: User) -> None:
        """The record of what was sent would be overwritten, or the folder could never be cleared."""
        user.submit(user.document)
        user.wait_for_end()
        for name in user.names():
            assert user.door.get(name) == user.document
            user.door.refused(user.door.put, name, b"other")
            user.door.refused(user.door.rename, name, f"{name}.bak")
            assert user.door.get(name) == user.document
            user.door.remove(name)
        assert user.names() == []
        user.door.refused(user.door.remove, user.sends)

    # -- cut off ------------------------------------------------------------------------------------

    def test_an_upload_that_is_cut_off_is_not_sent(self, user: User) -> None:
        """Half a file would be sent when a network fails, or somebody presses Ctrl-C."""
        user.door.cut_upload(user.uploads, user.document)
        user.assert_not_sent_until_uploaded_again()

    # -- results ------------------------------------------------------------------------------------

    def test_results_are_told_row_by_row(self, user: User) -> None:
        """A program would not learn what became of each of its messages."""
        user.submit(user.document)

        def told() -> list[str]:
            return [name for name in user.door.list("results") if user.stem in name]

        (name,) = wait_for(told, "the results")
        header, *lines = user.door.get(f"results/{name}").decode().splitlines()
        assert header.startswith("row,msisdn,")
        assert [line.split(",")[1] for line in lines] == [number for number, _ in user.rows]
        assert "are written by the server" in user.door.refused(user.door.put, "results/x.csv", b"x")
