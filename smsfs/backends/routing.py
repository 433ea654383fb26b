"""Which backends a message may leave by: the text of a route, read.

A route is entries separated by blanks, each ``[CONDITION=]CHAIN``, such as
``45=dk,backup from:Acme=se 46=3%se|1%carrier,backup carrier``. A condition is one of a number's prefix,
``from:SENDER`` and ``account:NAME``, or several with ``&`` between them. Of the entries that fit, one with an
account counts before one with a sender, and that before the one with the longest prefix. The entry without a
condition is for the rest.

The names of a chain, with commas between them, are tried from left to right. Several chains with ``|``
between them share the messages by the numbers before their percent signs.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from typing import NamedTuple
from urllib.parse import unquote

from attrs import field, frozen

Chain = tuple[str, ...]  #: names of backends, the preferred one first

MOST_WEIGHT = 1_000_000
_NAME = r"[^\s,=|%]+"
_chain = re.compile(rf"(?:([0-9]{{1,7}})%)?({_NAME}(?:,{_NAME})*)").fullmatch
_name = re.compile(_NAME).fullmatch
_prefix = re.compile(r"[0-9]{1,15}").fullmatch


class Condition(NamedTuple):
    """What an entry is for: an account, a sender, a prefix of the number; each may be empty, for any."""

    account: str = ""
    sender: str = ""
    prefix: str = ""


@frozen
class Choice:
    """Chains that share messages, each with its weight."""

    chains: tuple[tuple[int, Chain], ...]

    def of(self, key: str) -> Chain:
        """The chain of a message, the same whenever it is asked for."""
        if len(self.chains) == 1:
            return self.chains[0][1]
        place = int.from_bytes(blake2b(key.encode(), digest_size=8).digest())
        place %= sum(weight for weight, _ in self.chains)
        for weight, chain in self.chains:
            place -= weight
            if place < 0:
                return chain
        raise AssertionError("a weight is 0 at least, and one is more")


@frozen
class Routes:
    """A route, read.

    Attributes:
        choices: by condition; the empty one is the rest.
    """

    choices: Mapping[Condition, Choice]
    _lengths: tuple[int, ...] = field(init=False)
    _accounts: tuple[str, ...] = field(init=False)
    _senders: tuple[str, ...] = field(init=False)

    @_lengths.default
    def _longest_first(self) -> tuple[int, ...]:
        return tuple(sorted({len(item.prefix) for item in self.choices}, reverse=True))

    @_accounts.default
    def _named_accounts(self) -> tuple[str, ...]:
        return tuple({item.account for item in self.choices})

    @_senders.default
    def _named_senders(self) -> tuple[str, ...]:
        return tuple({item.sender for item in self.choices})

    @property
    def only(self) -> Chain | None:
        """The chain that every message has; None if there are several."""
        rest = self.choices[Condition()].chains
        return rest[0][1] if len(self.choices) == len(rest) == 1 else None

    @property
    def names(self) -> list[str]:
        """Every backend that is named, once."""
        chains = (chain for choice in self.choices.values() for _, chain in choice.chains)
        return list(dict.fromkeys(name for chain in chains for name in chain))

    def chain_for(self, msisdn: str, sender: str = "", account: str = "", key: str = "") -> Chain:
        """The backends that may send a message.

        Args:
            msisdn: its recipient.
            sender: that it names; empty if it names none.
            account: whose it is.
            key: the same whenever the message is routed.
        """
        whose = (account, "") if account in self._accounts else ("",)
        named = _same(sender)
        whom = (named, "") if named in self._senders else ("",)
        found = (self._fitting(msisdn, one, other) for one, other in product(whose, whom))
        return next(choice for choice in found if choice).of(key)

    def first_for(self, msisdn: str) -> set[str]:
        """The backends that a message to a number may be meant for at first, whoever sends it."""
        found = (self._fitting(msisdn, one, other) for one, other in product(self._accounts, self._senders))
        return {chain[0] for choice in found if choice for _, chain in choice.chains}

    def _fitting(self, msisdn: str, account: str, sender: str) -> Choice | None:
        for length in self._lengths:
            if choice := self.choices.get(Condition(account, sender, msisdn[:length])):
                return choice
        return None


@lru_cache(maxsize=1024)  # for each file that is read; an account has one
def parse(text: str) -> Routes:
    """A route from its text.

    Raises:
        ValueError: it is not a route; the text is a clause that says why.
    """
    choices: dict[Condition, Choice] = {}
    for condition, words, choice in _entries(text):
        if condition in choices:
            what = f"the condition {words} stands" if condition.account or condition.sender else ""
            what = what or (f"the prefix {words} stands" if words else "")
            raise ValueError(f"{what} twice" if what else "two entries have no prefix")
        choices[condition] = choice
    if Condition() not in choices:
        raise ValueError("it lacks an entry without a prefix, for all other numbers")
    return Routes(choices)


def _entries(text: str) -> Iterator[tuple[Condition, str, Choice]]:
    for word in text.split():
        words, equals, rest = word.rpartition("=")
        condition = _condition(words) if equals else Condition()
        chains = [_chain(part) for part in rest.split("|")]
        if condition is None or not all(chains):
            raise ValueError(
                f"{word!r} is not of the form 45=dk,backup or dk,backup: entries have blanks between them, "
                "names commas alone, and a prefix is digits"
            )
        yield condition, words, _choice(word, [(found[1], found[2]) for found in chains if found])


def _condition(words: str) -> Condition | None:
    """A condition; None for what is none."""
    found: dict[str, str] = {}
    for word in words.split("&"):
        kind, colon, value = word.partition(":")
        if not colon:
            kind, value = "prefix", word if _prefix(word) else ""
        key = {"from": "sender", "account": "account", "prefix": "prefix"}.get(kind, "")
        if not key or not value or key in found or (colon and key == "prefix"):
            return None
        found[key] = _same(unquote(value)) if key == "sender" else value
    return Condition(**found)


def _choice(word: str, chains: list[tuple[str | None, str]]) -> Choice:
    """The chains of an entry, with their weights.

    Raises:
        ValueError: they cannot share.
    """
    read = [(int(weight or 1), tuple(names.split(","))) for weight, names in chains]
    if any(len(set(names)) < len(names) for _, names in read):
        raise ValueError(f"{word!r} names a backend twice")
    shares = len(read) > 1
    if shares != all(weight is not None for weight, _ in chains) or (shares and not any(w for w, _ in read)):
        raise ValueError(f"{word!r} has to have a number and a percent sign before each chain that shares")
    return Choice(tuple(read))


def _same(sender: str) -> str:
    """A sender, so that two which people take for the same are equal."""
    return sender.removeprefix("+").casefold()


def is_name(name: str) -> bool:
    """Whether a route can name a backend of this name."""
    return _name(name) is not None
