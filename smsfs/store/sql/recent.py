"""The messages whose answers this process recorded last, by the carrier's ids: most receipts come soon."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

#: So many ids of each backend are remembered, and up to twice as many.
MOST = 10_000

#: Where the values of ``outcome_add`` stand.
_PLACE, _SLICE, _ID, _RECIPIENT = 4, 2, 5, 10

#: An attempt at a message: its batch, row, slice and number.
Place = tuple[int, int, int, int]


class Recent:
    """Where the ids of each backend belong that were recorded last.

    It only says where to look: what is there has to be read from the database.
    """

    def __init__(self) -> None:
        self._new: defaultdict[str, dict[str, Place]] = defaultdict(dict)
        self._old: defaultdict[str, dict[str, Place]] = defaultdict(dict)

    def add(self, backends: Mapping[int, str], outcomes: Iterable[tuple[Any, ...]]) -> None:
        """Remember the ids for which receipts may come; of one that is used again, where it was last.

        Args:
            backends: of each slice.
            outcomes: the values of ``outcome_add``.
        """
        slice_, own = None, dict[str, Place]()
        for outcome in outcomes:
            name = outcome[_ID]
            if name and outcome[_RECIPIENT] is not None:
                if outcome[_SLICE] != slice_:
                    slice_ = outcome[_SLICE]
                    own = self._new[backends[slice_]]
                own[name] = outcome[:_PLACE]
        for backend in [backend for backend, own in self._new.items() if len(own) >= MOST]:
            self._old[backend] = self._new.pop(backend)

    def of(self, backend: str, ids: Iterable[str]) -> dict[str, Place]:
        """Where some ids belong, as far as that is remembered."""
        new, old = self._new[backend], self._old[backend]
        return {name: place for name in ids if (place := new.get(name) or old.get(name))}
