"""Files of connectors through intake: whom their account does not write to, what their clients see."""

import pytest
from attrs import frozen

from smsfs.dialects.registry import dialect
from smsfs.pipeline.dispatch.arrivals import stops
from smsfs.pipeline.dispatch.windows import reopening
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from tests.support.scripted import ScriptedCarrier

pytestmark = pytest.mark.logs("cancel", "too_late")

DAY = 86_400
ROWS = b"phone\n4512345601\n4512345602\n4512345602\n"


@frozen
class Read:
    """A file that was read: the code of each row that was refused, and the names in the listing."""

    codes: dict
    names: list


@pytest.fixture
def read(house):
    """Reads a file of a connector with some settings."""

    def read(data, name="a.csv", **settings):
        settings = {"template": "Hi", "duplicate_seconds": 0, **settings}
        found = house.store.accounts.find("leads")
        if found is None:
            found = house.store.accounts.add("leads", "naxai", {}, 0.0, parent=house.account.id)
        house.store.accounts.update(found.id, settings)
        number = type(house)(house.store, found).submit(data, name)
        assert Intake(house.store, house.owner, dialect, IntakeRules("out")).step()
        refused = house.store.queue.outcomes(number, 1, 1_000_000)
        listing = house.store.files.view().listing(found.id, "")
        return Read({item.row: item.code for item in refused}, [file.name for file in listing])

    return read


@pytest.mark.parametrize(
    ("accounts", "own", "refused"),
    [(True, False, {1: "904"}), (False, True, {1: "904"}), (False, False, {})],
)
def test_numbers_on_the_accounts_list_are_refused(house, read, accounts, own, refused):
    """Who said STOP to a customer would go on hearing from that customer's connectors."""
    house.set(optouts=accounts)
    house.store.optouts.add(house.account.id, ["4512345601"], "test", 0.0)
    assert read(ROWS, optouts=own) == Read(refused, [])


def test_duplicates_across_files_for_some_days(read, clock):
    """A list that is uploaded every day would ring each phone every day, or some phones never again."""
    assert read(ROWS, dedupe_days=3) == Read({3: "901"}, [])
    clock.now += 3 * DAY - 1
    assert read(ROWS, "b.csv", dedupe_days=3).codes == {1: "901", 2: "901", 3: "901"}
    clock.now += 2
    assert read(ROWS, "c.csv", dedupe_days=3).codes == {3: "901"}


@pytest.mark.parametrize("exclusions", ["", "2030-12-25"])
def test_who_was_not_written_to_after_all_is_no_duplicate(house, read, run, settled, clock, exclusions):
    """Whom a carrier's long failure kept from a message would be refused in the next file, as written to."""
    assert read(ROWS, dedupe_days=3, exclusions=exclusions).codes == {3: "901"}
    (batch,) = house.store.queue.batches()
    clock.now += 2 * DAY + 1
    reopen = reopening(house.store, dialect)
    run(ScriptedCarrier(), until_=settled(batch.id, "expired", "cancelled", "rejected"), reopen=reopen)
    assert read(ROWS, "b.csv", dedupe_days=3).codes == {3: "901"}


def test_rows_that_are_no_messages_are_told_beside_the_file(read):
    """A row would be lost without a word to the client."""
    found = read(ROWS + b"12\n" + b"4512345603\n" * 2, dedupe_file=True)
    assert found == Read({3: "901", 6: "901"}, ["a.csv.errors"])


def test_a_reply_is_a_stop_word_by_the_dialects_defaults(house):
    """STOP would not count where a dialect keeps a list unless it is told not to."""
    portal = house.store.accounts.add("portal", "smsportal", {}, 0.0)
    assert stops(portal, " stop ")
    assert not stops(house.account, "STOP")
