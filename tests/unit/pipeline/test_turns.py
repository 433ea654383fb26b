"""Accounts share what there is, and none saves up for later."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.registry import dialect
from smsfs.pipeline.turns import SliceTurns, Turns, Weights


def shares(turns, waiting, count, weights=None, cost=1.0):
    """How many of so many turns each one gets."""
    got = Counter()
    for _ in range(count):
        who = turns.next(waiting)
        turns.charge(who, cost, (weights or {}).get(who, 1.0))
        got[who] += 1
    return got


def test_those_who_wait_have_as_many_turns_each():
    """An account would be kept waiting by the backlog of another."""
    assert shares(Turns(), [1, 2, 3], 30) == {1: 10, 2: 10, 3: 10}


def test_weight_is_a_share():
    """An account that pays for more would not get it."""
    assert shares(Turns(), [1, 2], 40, {1: 3.0}) == {1: 30, 2: 10}


def test_nobody_saves_up():
    """After a quiet night, one account would keep all others waiting for as long."""
    turns = Turns()
    shares(turns, [1], 1000)
    assert shares(turns, [1, 2], 10) == {1: 5, 2: 5}


@given(st.lists(st.tuples(st.sets(st.integers(1, 5), min_size=1), st.floats(0.001, 10)), max_size=200))
def test_who_waits_is_passed_over_for_a_bounded_time_only(history):
    """Some pattern of others that come and go would starve an account that waits."""
    turns, passed = Turns(), 0.0
    for others, cost in history:
        who = turns.next({*others, 99})
        passed = 0.0 if who == 99 else passed + cost
        turns.charge(who, cost, 1.0)
        assert passed <= 6 * 10 + 1e-6


def test_weight_is_the_accounts_own_setting(house, clock):
    """The operator's setting would do nothing."""
    weights = Weights(house.store, dialect)
    assert (weights(house.account.id), weights(house.account.id + 1)) == (1.0, 1.0)
    house.set(weight=7)
    clock.now += 6
    assert weights(house.account.id) == 7.0


@pytest.fixture
def neighbour(house):
    """Another account of the same store."""
    return house.store.accounts.add("neighbour", "gatewayapi", {}, house.store.now())


def queue_of(house, account, rows, stem):
    """A file of an account with so many rows, accepted."""
    mine, house.account = house.account, account
    number = house.submit(b"msisdn,message\n" + b"".join(b"45%08d,x\n" % row for row in range(rows)), stem)
    house.account = mine
    assert house.intake().step()
    return number


def test_slices_of_accounts_take_turns(house, neighbour):
    """A file of one row would leave after a million messages of another account."""
    large = [queue_of(house, house.account, 2000, f"l{number}") for number in range(3)]
    small = queue_of(house, neighbour, 10, "small")
    turns = SliceTurns(house.store, "out", timer=lambda: 0.0)
    claimed = [turns.claim(house.owner, house.store.now()).batch for _ in range(4)]
    assert small in claimed[:2]
    assert set(claimed) <= {*large, small}


def test_each_account_alternates_between_its_oldest_and_its_earliest(house, neighbour):
    """Of two accounts with backlogs, one would send its files in order only, so that a small one waits."""
    for account, stem in ((house.account, "a"), (neighbour, "b")):
        for number in range(2):
            queue_of(house, account, 1500, f"{stem}{number}")
    turns = SliceTurns(house.store, "out", timer=lambda: 0.0)
    claimed = [turns.claim(house.owner, house.store.now()) for _ in range(12)]
    for account in ("shop", "neighbour"):
        batches = [slice_.batch for slice_ in claimed if slice_.account == account]
        assert len(set(batches[:2])) == 2
        assert len(batches) == 6


def test_nothing_is_claimed_in_vain(house, neighbour, monkeypatch):
    """Each small file would keep writers waiting once more, for a transaction that changes nothing."""
    for account, stem in ((house.account, "a"), (neighbour, "b")):
        queue_of(house, account, 1, stem)
    claim, claims = house.store.queue.claim_slice, []
    monkeypatch.setattr(
        house.store.queue, "claim_slice", lambda *given, **named: claims.append(1) or claim(*given, **named)
    )
    turns, now = SliceTurns(house.store, "out", timer=lambda: 0.0), house.store.now()
    assert [turns.claim(house.owner, now) is not None for _ in range(4)] == [True, True, False, False]
    assert len(claims) == 2


def test_what_others_took_is_passed_over(house, elsewhere, neighbour):
    """A dispatcher that lost a race for an account's slice would think that nothing waits at all."""
    queue_of(house, house.account, 1, "a")
    queue_of(house, neighbour, 1, "b")
    turns, now = SliceTurns(house.store, "out", timer=lambda: 0.0), house.store.now()
    assert turns.claim(house.owner, now).account == "shop"
    assert elsewhere.store.queue.claim_slice(elsewhere.owner, "out", now, oldest=True)
    assert turns.claim(house.owner, now) is None
    queue_of(house, neighbour, 1, "c")
    assert turns.claim(house.owner, now).account == "neighbour"
