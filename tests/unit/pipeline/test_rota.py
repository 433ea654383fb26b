"""Files of several accounts are read by turns."""

import pytest

from smsfs.dialects.registry import dialect
from smsfs.pipeline.intake import rota
from smsfs.pipeline.intake.reader import ReaderSpentError
from smsfs.pipeline.intake.rota import Rota
from smsfs.pipeline.turns import equal

pytestmark = pytest.mark.logs("reader_out_of_memory", "gave_up", "intake_failed")

LARGE = 12_000


class Timer:
    """Each look at it takes a hundredth of a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Seconds."""
        self.now += 0.01
        return self.now


@pytest.fixture
def neighbour(house):
    """Another account of the same store."""
    return house.store.accounts.add("neighbour", "gatewayapi", {}, house.store.now())


@pytest.fixture
def reader(house):
    """Reads by turns, five hundred rows or so in one."""
    marks = []
    made = Rota(house.store, house.intake(), equal, marks.append, timer=Timer())
    made.marks = marks
    return made


def submit(house, account, data, stem):
    """A submitted file of an account."""
    mine, house.account = house.account, account
    number = house.submit(data, stem)
    house.account = mine
    return number


def steps_until(reader, condition, most=2000):
    """How many steps it takes until a condition holds."""
    for count in range(most):
        if condition():
            return count
        assert reader.step()
    raise AssertionError("it does not come about")


def is_read(house, *numbers):
    """Tells whether files are accepted."""
    return lambda: all(house.batch(number).state == "accepted" for number in numbers)


def test_small_file_is_read_beside_a_large_one(house, neighbour, reader, table):
    """A file of ten rows would wait for over a million contacts of another account."""
    large = [house.submit(table(LARGE), f"l{number}") for number in range(3)]
    for _ in range(4):
        assert reader.step()
    small = submit(house, neighbour, table(10), "small")
    assert steps_until(reader, is_read(house, small)) <= 15  # the time until it is looked for again
    assert [house.batch(number).state for number in large] == ["reading", "pending", "pending"]
    steps_until(reader, is_read(house, *large))
    assert [house.batch(number).messages for number in large] == [LARGE] * 3


def test_small_file_is_read_before_a_backlog(house, neighbour, reader, table):
    """A file would wait for ten thousand of another account that came before it."""
    backlog = [house.submit(table(2), f"b{number}") for number in range(40)]
    assert reader.step()
    small = submit(house, neighbour, table(10), "small")
    assert steps_until(reader, is_read(house, small)) <= 15
    assert house.batch(backlog[-1]).state == "pending"


def test_small_file_passes_its_own_accounts_large_ones(house, reader, table):
    """A clinic's one urgent message would wait for its own newsletter."""
    large = [house.submit(table(LARGE), f"l{number}") for number in range(2)]
    assert reader.step()
    small = house.submit(table(1), "small")
    assert steps_until(reader, is_read(house, small)) <= 15
    assert [house.batch(number).state for number in large] == ["reading", "pending"]


@pytest.mark.parametrize("whose", ["its own account's", "others'"])
def test_large_file_goes_on_under_a_stream_of_small_ones(house, neighbour, reader, table, whose):
    """A large file would never be sent on a busy day."""
    account = house.account if whose == "its own account's" else neighbour
    large = house.submit(table(LARGE), "large")
    for number in range(400):
        for copy in range(3):
            submit(house, account, table(1), f"s{number}-{copy}")
        assert reader.step()
        if house.batch(large).state == "accepted":
            return
    raise AssertionError("it is never read")


def test_connectors_share_their_accounts_turns(house, neighbour, reader, table):
    """An account would get more than its share by having more connectors."""
    add = house.store.accounts.add
    ours = [add(f"c{number}", "gatewayapi", {}, house.store.now(), neighbour.id) for number in range(5)]
    theirs = [submit(house, account, table(LARGE), f"f{account.id}") for account in ours]
    mine = house.submit(table(LARGE), "mine")
    done = steps_until(reader, is_read(house, mine))
    assert sum(is_read(house, number)() for number in theirs) <= 1
    assert steps_until(reader, is_read(house, *theirs)) > done


def test_few_files_are_under_way_at_a_time(house, reader, table):
    """A hundred accounts with a large file each would take all of the host's memory."""
    add = house.store.accounts.add
    accounts = [add(f"a{number}", "gatewayapi", {}, house.store.now()) for number in range(7)]
    numbers = [submit(house, account, table(4000), f"f{account.id}") for account in accounts]

    def under_way():
        return sum(house.batch(number).state == "reading" for number in numbers)

    most = 0
    while not is_read(house, *numbers)():
        assert reader.step()
        most = max(most, under_way())
    assert most == rota.MOST_LARGE


def test_what_is_under_way_is_given_back(house, neighbour, elsewhere, reader, table):
    """After a stop, a file that was being read would wait until the server is started again."""
    numbers = [house.submit(table(LARGE), "a"), submit(house, neighbour, table(LARGE), "b")]
    for _ in range(4):
        assert reader.step()
    assert {house.batch(number).state for number in numbers} == {"reading"}
    reader.close()
    assert {(house.batch(number).state, house.batch(number).failures) for number in numbers} == {
        ("pending", 0)
    }
    while elsewhere.intake().step():
        pass
    assert [house.batch(number).messages for number in numbers] == [LARGE] * 2


def test_it_is_told_what_is_worked_on(house, neighbour, reader, table):
    """The crash of a reader would count against a file that only lay beside the one at fault."""
    large, small = house.submit(table(LARGE), "a"), submit(house, neighbour, table(1), "b")
    steps_until(reader, is_read(house, large, small))
    assert not reader.step()
    assert set(reader.marks[::2]) == {large, small}
    assert set(reader.marks[1::2]) == {0}


def test_file_that_fills_the_memory_is_ended_in_good_order(house, neighbour, table):
    """A file that is a bomb would end in a crash of some library, which tells nobody what was wrong."""
    beside = submit(house, neighbour, table(LARGE), "beside")
    bomb, full = house.submit(table(LARGE), "bomb"), []
    for state in ("pending", "rejected"):
        reader = Rota(house.store, house.intake(), equal, full.append, lambda: full[-1:] == [bomb], Timer())
        with pytest.raises(ReaderSpentError):
            steps_until(reader, is_read(house, bomb))
        assert house.batch(bomb).state == state
        reader.close()
        assert (house.batch(beside).state, house.batch(beside).crashes) == ("pending", 0)
    assert b"takes more memory" in house.shown(bomb)


def test_document_is_left_while_it_is_looked_through(house, reader, neighbour):
    """A zip of SMSPortal is read twice: other accounts would wait for the whole of its first reading."""
    portal = house.store.accounts.add("portal", "smsportal", {"check_networks": False}, house.store.now())
    contacts = ",".join(f'{{"msisdn": "2782{row:07}"}}' for row in range(20_000))
    data = f'version: 7\n{{"message_template": "hello", "contacts": [{contacts}]}}'.encode()
    large = submit(house, portal, data, "x.json")
    assert reader.step()
    assert reader.marks == [large, 0]
    small = submit(house, neighbour, b"msisdn,message\n4512345678,x\n", "small")
    assert steps_until(reader, is_read(house, small)) <= 15
    assert house.batch(large).state == "reading"
    assert list(house.store.queue.slices(large)) == []
    reader.close()
    assert dialect("smsportal").name == "smsportal"
