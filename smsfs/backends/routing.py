"""Which backends a message may leave by: the text of a route, read.

A route is entries separated by blanks, each ``[PREFIX=]NAME[,NAME...]``, such as
``45=dk,backup 46=se carrier,backup``. The entry with the longest prefix that the number begins with counts;
the one without a prefix is for the rest. Its names are tried from left to right.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from attrs import field, frozen

Chain = tuple[str, ...]  #: names of backends, the preferred one first

_entry = re.compile(r"(?:([0-9]{1,15})=)?([^\s,=]+(?:,[^\s,=]+)*)").fullmatch
_name = re.compile(r"[^\s,=]+").fullmatch


@frozen
class Routes:
    """A route, read.

    Attributes:
        chains: by prefix; ``""`` is the rest.
    """

    chains: Mapping[str, Chain]
    _lengths: tuple[int, ...] = field(init=False)

    @_lengths.default
    def _longest_first(self) -> tuple[int, ...]:
        return tuple(sorted({len(prefix) for prefix in self.chains}, reverse=True))

    @property
    def only(self) -> Chain | None:
        """The chain that every number has; None if there are several."""
        return self.chains[""] if len(self.chains) == 1 else None

    @property
    def names(self) -> list[str]:
        """Every backend that is named, once."""
        return list(dict.fromkeys(name for chain in self.chains.values() for name in chain))

    def chain_for(self, msisdn: str) -> Chain:
        """The backends that may send to a number."""
        found = (self.chains.get(msisdn[:length]) for length in self._lengths)
        return next(chain for chain in found if chain)


@lru_cache(maxsize=1024)  # for each file that is read; an account has one
def parse(text: str) -> Routes:
    """A route from its text.

    Raises:
        ValueError: it is not a route; the text is a clause that says why.
    """
    chains: dict[str, Chain] = {}
    for prefix, chain in _entries(text):
        if prefix in chains:
            raise ValueError(f"the prefix {prefix} stands twice" if prefix else "two entries have no prefix")
        chains[prefix] = chain
    if "" not in chains:
        raise ValueError("it lacks an entry without a prefix, for all other numbers")
    return Routes(chains)


def _entries(text: str) -> Iterator[tuple[str, Chain]]:
    for word in text.split():
        found = _entry(word)
        if not found:
            raise ValueError(
                f"{word!r} is not of the form 45=dk,backup or dk,backup: entries have blanks between them, "
                "names commas alone, and a prefix is digits"
            )
        chain = tuple(found[2].split(","))
        if len(set(chain)) < len(chain):
            raise ValueError(f"{word!r} names a backend twice")
        yield found[1] or "", chain


def is_name(name: str) -> bool:
    """Whether a route can name a backend of this name."""
    return _name(name) is not None
