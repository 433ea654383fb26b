"""Files by their names, and what their writers leave."""

import pytest

from smsfs.errors import Cause
from smsfs.states import FileState
from smsfs.store import Account, Process, Store, Verdict
from tests.support.store_suite.base import NOW, StoreFixtures, draft, found, reading, submitted


class NameSuite(StoreFixtures):
    """Which file a name stands for."""

    def test_overview_has_each_file_once_with_its_last_batch(
        self, store: Store, account: Account, owner: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A list of files would leave some out, show one twice, or show the fate of an earlier submission."""
        monkeypatch.setattr("smsfs.store.sql.files.PAGE_FILES", 2)
        paths = ["a.csv", "b.csv", "results/a.csv", "results/b.csv", "z.csv"]
        drafts = [draft(store, account, path) for path in paths]
        with store.files.change(account.id) as files:
            files.add_writer(drafts[1].id, owner)
        batch = reading(store, account, owner, "m")
        causes = (Cause("it is no number", line=2), Cause("it is empty"))
        store.queue.reject(batch.id, owner, Verdict("m.rejected", NOW, causes=causes, cause_count=7, size=5))
        draft(store, store.accounts.add("other", "gatewayapi", {}, NOW), "a.csv")
        shown = list(store.files.overview(account.id))
        assert [one.path for one in shown] == ["a.csv", "b.csv", "m.rejected", "z.csv", *paths[2:4]]
        assert [one.written for one in shown] == [False, True, False, False, False, False]
        rejected = shown[2]
        assert (rejected.batch, rejected.state) == ("m.rejected", FileState.REJECTED)
        assert (rejected.submitted, rejected.messages) == (NOW, 0)
        assert (rejected.cause_count, rejected.cause) == (7, causes[0])
        assert (shown[0].batch, shown[0].cause_count, shown[0].cause) == (None, None, None)

    def test_a_file_goes_before_another_that_answers_to_its_name(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """A client that uploads x.ready again would be shown the size of the one before."""
        submitted(store, account, "a")
        view = store.files.view()
        first = view.find(account.id, "a.processing")
        assert first is not None
        with store.files.change(account.id) as files:
            files.add_alias(account.id, "box/x.ready", first.id, NOW + 60)
        earlier = view.known(account.id, "box/x.ready", NOW)
        with store.files.change(account.id) as files:
            again = files.add(account.id, "box/x.ready", store.contents.create(), NOW)
            files.add_writer(again.id, owner)
        seen = view.known(account.id, "box/x.ready", NOW)
        assert earlier == view.get(first.id)
        assert (seen, seen and seen.writers) == (view.get(again.id), (owner.id,))
        assert view.known(account.id, "x.ready", NOW) is None

    def test_names_are_taken_in_their_folder(self, store: Store, account: Account) -> None:
        """A submission would meet another file under the name that is meant for it, and be refused."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            files.move(file.id, 'box/it\'s "a" file.csv')
            assert files.taken(account.id, ["b", 'box/it\'s "a" file.csv'])
            assert not files.taken(account.id, ["b", 'it\'s "a" file.csv', "box/b"])
            assert not files.taken(account.id + 1, ['box/it\'s "a" file.csv'])

    def test_a_writer_that_wrote_nothing_leaves_the_time(
        self, store: Store, account: Account, owner: Process
    ) -> None:
        """Opening a file would change the time that its client set."""
        file = draft(store, account)
        with store.files.change(account.id) as files:
            writer = files.add_writer(file.id, owner)
            files.set_times(file.id, NOW - 50)
            ended = files.end_writer(writer, 0, None, cut=False, wrote=False)
        assert ended == found(store, file.id)
        assert ended.mtime == NOW - 50
