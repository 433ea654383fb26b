"""What the answers of one's own provider mean, by the rules of its section. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from attrs import define, field, frozen

from smsfs.backends import Accepted, Answer, Envelope, Rejected, Throttled, Unknown
from smsfs.backends.http.contract import (
    OK,
    REDIRECT,
    SAID,
    Refused,
    Request,
    Response,
    Trouble,
    Verdict,
    by_status,
    decoded,
    own_id,
    status_words,
)
from smsfs.backends.http.hooks import LONGEST_ID, LONGEST_WORD
from smsfs.backends.http.prices import price, shared
from smsfs.sms import segments

#: Patterns look at so much of an answer.
MOST_SEARCHED = 65_536
#: A message waits so long that is not to be sent now, when others of its request were taken.
PAUSE_SECONDS = 30.0
STATUSES = range(100, 600)
#: The path of a whole answer.
ROOT = "."
PATTERNS = ("success_pattern", "account_pattern", "temporary_pattern", "permanent_pattern")
PRICES = ("answer_price", "answer_currency")

Meaning = Literal["taken", "account", "temporary", "permanent"]


@define(kw_only=True, slots=False)  # the section has another base with slots
class Rules:
    """How to read an answer; a path such as ``data.messages.0.id`` leads to a value of JSON.

    Attributes:
        success_status: by which everything was taken; empty for all from 200 to 299.
        temporary_status: by which nothing was taken, and it is welcome later.
        permanent_status: by which the messages were refused.
        success_pattern: a regular expression that an answer has if the message was taken; "" for any answer.
        account_pattern: one that says that the account may not send, for example without credit.
        temporary_pattern: one that says that the message is welcome later.
        permanent_pattern: one that says that the message was refused.
        answer_state: the path of the value that the patterns look at; "" for the whole answer.
        answer_reason: the path of words for people.
        answer_id: the path of the message's id.
        answer_id_pattern: instead: a regular expression whose group is the id.
        answer_items: the path of the list with one item for each message, where the other paths begin then;
            "." for the answer itself.
        answer_to: the path of the number in an item; "" where the items are in the order of the messages.
        answer_price: the path of what the message costs, or all messages of a request together.
        answer_currency: the path of its currency, where the section does not say it.
    """

    success_status: list[int] = field(factory=list)
    temporary_status: list[int] = field(factory=list)
    permanent_status: list[int] = field(factory=list)
    success_pattern: str = ""
    account_pattern: str = ""
    temporary_pattern: str = ""
    permanent_pattern: str = ""
    answer_state: str = ""
    answer_reason: str = ""
    answer_id: str = ""
    answer_id_pattern: str = ""
    answer_items: str = ""
    answer_to: str = ""
    answer_price: str = ""
    answer_currency: str = ""

    def check_rules(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        for key in (*PATTERNS, "answer_id_pattern"):
            _check_pattern(key, getattr(self, key))
        for key in ("answer_state", "answer_reason", "answer_id", "answer_to", "answer_items", *PRICES):
            check_path(key, getattr(self, key))
        for key in ("success_status", "temporary_status", "permanent_status"):
            if bad := [code for code in getattr(self, key) if code not in STATUSES]:
                raise ValueError(f"{key} has {bad[0]}, and can have statuses of HTTP, from 100 to 599")
        if self.answer_id_pattern and re.compile(self.answer_id_pattern).groups != 1:
            raise ValueError("answer_id_pattern has to have one group in parentheses, which is the id")
        if self.answer_id and self.answer_id_pattern:
            raise ValueError("it has the keys 'answer_id' and 'answer_id_pattern', and can have one of them")
        self._check_company()

    def _check_company(self) -> None:
        """Refuse a key that means nothing without another one."""
        if self.answer_state and not any(getattr(self, key) for key in PATTERNS):
            raise ValueError(f"answer_state is set, and no pattern looks at it ({', '.join(PATTERNS)})")
        if self.answer_to and not self.answer_items:
            raise ValueError("answer_to is set, and answer_items is not: without it there are no items")
        if self.answer_items and not self.answer_id:
            raise ValueError("answer_items is set, and answer_id is not: an item without an id says nothing")
        if self.answer_currency and not self.answer_price:
            raise ValueError("answer_currency is set, and answer_price is not")


def _check_pattern(key: str, text: str) -> None:
    try:
        re.compile(text)
    except re.error as exc:
        raise ValueError(f"{key} is no regular expression: {exc}") from None


def check_path(key: str, text: str) -> None:
    """Refuse what cannot be the path of a value.

    Raises:
        ValueError: a clause that names the key.
    """
    if text not in ("", ROOT) and not all(part and part.isprintable() for part in text.split(".")):
        raise ValueError(f"{key} is {text!r}, and has to be a path such as data.messages.0.id")


def found_at(tree: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for part in [] if path == ROOT else path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isascii() and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


def words_of(value: Any) -> str:
    """A value of JSON as text; empty for none."""
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


@frozen
class Reader:
    """Reads answers by rules; ``currency`` is that of prices without one."""

    rules: Rules
    currency: str = ""

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the messages of a request."""
        tree = decoded(response, object)
        rules = self.rules
        if rules.answer_items and self._good(response.status):
            items = found_at(tree, rules.answer_items)
            return (
                self._of_items(request, response, items) if isinstance(items, list) else by_status(response)
            )
        return self._of_whole(request, response, tree)

    def _good(self, status: int) -> bool:
        return status in self.rules.success_status if self.rules.success_status else OK <= status < REDIRECT

    def _meaning(self, status: int, state: str | None) -> Meaning | None:
        """What a status and what was said mean; ``state`` is None where patterns have nothing to look at."""
        rules = self.rules
        if state is not None:
            success = rules.success_pattern and re.search(rules.success_pattern, state)
            if success and self._good(status):
                return "taken"
            for key, meaning in _MEANINGS:
                if (pattern := getattr(rules, key)) and re.search(pattern, state):
                    return meaning
        if self._good(status):
            return None if rules.success_pattern else "taken"
        if status in rules.temporary_status:
            return "temporary"
        return "permanent" if status in rules.permanent_status else None

    def _of_whole(self, request: Request, response: Response, tree: Any) -> Verdict:
        rules = self.rules
        text = response.body[:MOST_SEARCHED].decode("utf-8", "replace").strip()
        state = words_of(found_at(tree, rules.answer_state)) if rules.answer_state else text
        said = words_of(found_at(tree, rules.answer_reason)) if rules.answer_reason else state
        words = status_words(response.status, said)
        match self._meaning(response.status, None if rules.answer_items else state):
            case "taken":
                return self._ids(request, tree, text)
            case "account":
                return Trouble(f"the carrier does not let this account send: {words}")
            case "temporary":
                return Throttled(response.retry_after)
            case "permanent":
                return Refused(_code(state, str(response.status)), words)
        return by_status(response, said)

    def _ids(self, request: Request, tree: Any, text: str) -> Verdict:
        """Everything was taken, under these ids."""
        envelopes = request.envelopes
        ids = self._names(envelopes, tree, text)
        if not ids:
            return Unknown("the carrier's answer has no id for each message")
        parts = [segments.count(item.message.text)[1] for item in envelopes]
        prices = shared(*self._price(tree), parts)
        return [
            Accepted(found[:LONGEST_ID], count, price=cost)
            for found, count, cost in zip(ids, parts, prices, strict=True)
        ]

    def _price(self, tree: Any) -> tuple[Any, Any]:
        """An amount and its currency."""
        path, unit = self.rules.answer_price, self.rules.answer_currency
        currency = found_at(tree, unit) if unit else None
        return found_at(tree, path) if path else None, currency or self.currency

    def _names(self, envelopes: Sequence[Envelope], tree: Any, text: str) -> list[str]:
        """The ids, of one for all or in the order of the messages; none if they cannot be read."""
        rules = self.rules
        if rules.answer_id:
            value = found_at(tree, rules.answer_id)
            ids = [words_of(item) for item in value] if isinstance(value, list) else [words_of(value)]
        elif rules.answer_id_pattern:
            ids = re.findall(rules.answer_id_pattern, text)
        else:
            return [own_id(item) for item in envelopes]
        if len(ids) == len(envelopes) and all(ids):
            return ids
        if len(ids) == 1 and ids[0]:
            return [f"{ids[0]}-{item.message.recipient}" for item in envelopes]
        # with a pattern, it was taken for certain, and has no id that could be read
        return [own_id(item) for item in envelopes] if rules.success_pattern else []

    def _of_items(self, request: Request, response: Response, items: Sequence[Any]) -> Verdict:
        """An answer for each message, by the item that is about it."""
        envelopes, path = request.envelopes, self.rules.answer_to
        if path:
            by_number = {words_of(found_at(item, path)).removeprefix("+"): item for item in items}
            wanted = [by_number.get(item.message.recipient) for item in envelopes]
        elif len(items) == len(envelopes):
            wanted = list(items)
        else:
            return Unknown(f"the carrier answered for {len(items)} of {len(envelopes)} messages")
        said = [self._said(item) for item in wanted]
        meanings = [self._meaning(response.status, state) for state, _ in said]
        if all(item == "account" for item in meanings):
            return Trouble(f"the carrier does not let this account send: {said[0][1]}")
        return [self._of_item(*each) for each in zip(envelopes, wanted, meanings, said, strict=True)]

    def _said(self, item: Any) -> tuple[str, str]:
        """What an item says, for patterns and for people."""
        path = self.rules.answer_state
        state = words_of(found_at(item, path)) if path else words_of(item)
        reason = words_of(found_at(item, self.rules.answer_reason)) if self.rules.answer_reason else ""
        return state, reason or state

    def _of_item(
        self, envelope: Envelope, item: Any, meaning: Meaning | None, said: tuple[str, str]
    ) -> Answer:
        state, reason = said
        found = words_of(found_at(item, self.rules.answer_id))
        if meaning == "taken" and found:
            cost = price(*self._price(item))
            return Accepted(found[:LONGEST_ID], segments.count(envelope.message.text)[1], price=cost)
        if meaning == "permanent":
            return Rejected(_code(state, "refused"), reason[:SAID])
        if meaning in ("account", "temporary"):
            return Throttled(PAUSE_SECONDS)
        return Unknown("the carrier's answer does not say what became of the message", requests=1)


_MEANINGS: tuple[tuple[str, Meaning], ...] = (
    ("account_pattern", "account"),
    ("temporary_pattern", "temporary"),
    ("permanent_pattern", "permanent"),
)


def _code(state: str, otherwise: str) -> str:
    """A word that can stand for the reason."""
    return state if state.isprintable() and 0 < len(state) <= LONGEST_WORD else otherwise
