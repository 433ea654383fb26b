"""Steps that are tried again after a moment's trouble of the store."""

from itertools import count, islice

import pytest

from smsfs.errors import StoreConflict, StoreFull, StoreUnavailable
from smsfs.store import again as module
from smsfs.store.again import tried_again


class Part:
    """A part of a store that fails a number of times."""

    def __init__(self, faults):
        self.faults, self.calls = faults, []

    def change(self, values):
        """Take three values, unless something is wrong."""
        self.calls.append(list(islice(values, 3)))
        if self.faults:
            raise self.faults.pop(0)
        return self.calls[-1]


def change(faults, values, changing=False):
    """What a change of so many faults comes to; the values of each try."""
    part = tried_again(Part(faults), ["change"], lambda: changing)
    return part.change(values), part.calls


@pytest.mark.parametrize("values", [[1, 2, 3], count(1), (number for number in (1, 2, 3))])
def test_each_try_has_all_that_was_given(values):
    """The second try would claim nothing, or wait for the end of a list that has none."""
    assert change([StoreConflict("met"), StoreFull("full")], values) == ([1, 2, 3], [[1, 2, 3]] * 3)


def test_it_ends(monkeypatch):
    """A disk that stays full would hold up its clients for ever."""
    monkeypatch.setattr(module, "FULL_PAUSES", (0.0, 0.0))
    with pytest.raises(StoreFull):
        change([StoreFull("full") for _ in range(9)], [1])


@pytest.mark.parametrize(
    ("fault", "changing"), [(StoreUnavailable("gone"), False), (StoreConflict("met"), True)]
)
def test_what_would_not_help_is_not_done(fault, changing):
    """A part would be done again of a change whose other parts are undone."""
    with pytest.raises(type(fault)):
        change([fault], [1], changing)
