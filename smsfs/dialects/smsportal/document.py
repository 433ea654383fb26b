"""One document of SMSPortal's SFTP to SMS: ``version: 7``, then a JSON object with contacts.

A document is read twice, in bounded memory: first whole for its syntax, its options and the number of its
contacts, so that nothing is wrong with it once messages come; then for its messages. What the vendor's page
does not give is ours: names match without case and underscores, unknown ones are passed over unless the
account says otherwise, and a value that a contact lacks is empty, as in the page's own last example.
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from attrs import define, evolve, field, frozen

from smsfs.dialects import Pause, Row, Sheet
from smsfs.dialects.settings import is_email
from smsfs.dialects.smsportal import contacts, options
from smsfs.dialects.smsportal.codes import Code, Fault
from smsfs.errors import Cause, Unreadable
from smsfs.formats import encoding
from smsfs.formats.json_stream import Scanner, members
from smsfs.sms.quoting import quoted

VERSION, CONTACTS = "7", "contacts"
#: So many are no typing errors but another file; reading on would keep other accounts' files waiting.
MAX_BAD_CONTACTS = 100_000
#: After so many contacts that yield no row, others may have their turn.
PAUSE_CONTACTS = 500

#: The white label's names of the same.
_SYNONYMS = {"startdt": "start", "enddt": "end"}
_version_line = re.compile(r"version[ \t]*:[ \t]*([^\n{]{0,100})", re.IGNORECASE)


@frozen
class Source:
    """A document to be read: its name in reports, its unique name, and its bytes from the start."""

    name: str
    key: str
    blocks: Callable[[], Iterator[bytes]]


@define
class _Survey:
    """What the first reading of a document finds."""

    given: dict[str, Any] = field(factory=dict)
    unknown: list[str] = field(factory=list)
    contacts: int = 0
    without_message: int = 0
    useless: int = 0

    def count(self, contact: Any) -> None:
        """Take note of a contact."""
        self.contacts += 1
        if not isinstance(contact, dict) or not contact.get("msisdn"):
            self.useless += 1
            if self.useless > MAX_BAD_CONTACTS:
                raise _too_many_bad()
        elif not self.without_message and not contact.get("message"):
            self.without_message = self.contacts

    def options(self) -> options.Options:
        """What it says of itself."""
        return options.Options(self.given, self.unknown, self.contacts, self.without_message)


def rows(
    source: Source, settings: Mapping[str, Any], at: datetime, before: int
) -> Generator[Row, None, tuple[int, int]]:
    """What a document says: its sheet, then a message or causes for each contact.

    Args:
        source: the document.
        settings: the account's.
        at: the time of submission, UTC.
        before: the contacts of the documents before, from which rows are counted on.

    Returns:
        How many messages there were, and how many contacts.

    Raises:
        Unreadable: the document is not to be sent; ``code`` and ``document`` of the cause are set.
    """
    try:
        given = yield from _survey(source)
        email = given.text("email")
        known = is_email(email)
        yield Sheet(source.name, source.key, email if known else "", options.scrubs(given), before)
        if not known and not given.is_missing("email"):
            reason = f"email: {quoted(email)} is no address, so the outcome is told to the account's"
            yield Cause(reason, code=Code.PARSE, document=source.name)
        plan = yield from _planned(source, given, settings, at)
        good = yield from _messages(source, plan, before)
    except Unreadable as exc:
        cause = exc.cause
        raise Unreadable(evolve(cause, code=cause.code or Code.CORRUPT, document=source.name)) from None
    return good, plan.contacts


@lru_cache(maxsize=1024)
def _fold(name: str) -> str:
    folded = name.strip().lower().replace("_", "")
    return _SYNONYMS.get(folded, folded)


def _opened(source: Source) -> tuple[Scanner, str | None]:
    """A document at the start of its object, and the version that stood before that."""
    scanner = Scanner(_text_blocks(source), _fold)
    scanner.peek()
    found = scanner.take(_version_line)
    if not found and scanner.peek() != "{":
        scanner.fail('the line "version: 7" and then { must stand here')
    return scanner, found[1].strip(" \t\"',") if found else None


def _text_blocks(source: Source) -> Iterator[bytes]:
    for number, block in enumerate(source.blocks()):
        if number == 0:
            _refuse_binary(block)
        yield block


def _refuse_binary(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        raise Unreadable(Cause("the file is an archive: a zip archive needs a name that ends in .zip"))
    codec = encoding.guess(head[: encoding.HEAD])
    if codec.startswith(("utf-16", "utf-32")):
        raise Unreadable(Cause(f"the file is {codec[:6].upper()}: save it in the encoding UTF-8"))


def _survey(source: Source) -> Generator[Row, None, options.Options]:
    scanner, version = _opened(source)
    if version is not None:
        _check_version(version)
    survey = _Survey()
    for name, ordinal, value in members(scanner, _fold, CONTACTS):
        if ordinal:
            survey.count(value)
            if not ordinal % PAUSE_CONTACTS:
                yield Pause()
        elif ordinal is None and name in options.OPTIONS:
            survey.given[name] = value
        elif ordinal is None:
            survey.unknown.append(name)
    if "version" in survey.given:
        _check_version(survey.given["version"])
    elif version is None:
        clause = 'the file does not say its version: its first line must be "version: 7"'
        raise Unreadable(Cause(clause, code=Code.VERSION))
    return survey.options()


def _too_many_bad() -> Unreadable:
    return Unreadable(Cause(f"over {MAX_BAD_CONTACTS:,} contacts are wrong", code=Code.PARSE))


def _check_version(version: Any) -> None:
    if not isinstance(version, str) or version.strip() != VERSION:
        shown = quoted(version) if isinstance(version, str) else "what is given"
        reason = f"{shown} is no version of the file format: it must be {VERSION}"
        raise Unreadable(Cause(reason, code=Code.VERSION))


def _planned(
    source: Source, given: options.Options, settings: Mapping[str, Any], at: datetime
) -> Generator[Row, None, options.Plan]:
    """The plan of a document.

    Raises:
        Unreadable: something is wrong with its options; the other causes were yielded.
    """
    plan, faults = options.plan(given, settings, int(at.timestamp()))
    if plan:
        return plan
    found = [Cause(str(fault), code=fault.code, document=source.name) for fault in faults]
    yield from found[:-1]
    raise Unreadable(found[-1])


def _messages(source: Source, plan: options.Plan, before: int) -> Generator[Row, None, int]:
    """A message or causes for each contact; the number of messages.

    Raises:
        Unreadable: more contacts are wrong than the document allows.
    """
    limit = MAX_BAD_CONTACTS if plan.max_errors is None else plan.max_errors
    good = bad = 0
    for _, index, contact in members(_opened(source)[0], _fold, CONTACTS):
        if not index:
            continue
        try:
            message = contacts.message(before + index, index, contact, plan)
        except Fault:
            bad += 1
            if bad > MAX_BAD_CONTACTS:
                raise _too_many_bad() from None
            yield from contacts.causes(source.name, index, contact, plan)
        else:
            good += 1
            if bad <= limit:
                yield message
            elif not index % PAUSE_CONTACTS:
                yield Pause()
    if bad > limit:
        wrong = "1 contact is" if bad == 1 else f"{bad:,} contacts are"
        reason = f"{wrong} wrong, and max_errors allows {limit:,}, so nothing was sent"
        raise Unreadable(Cause(reason, code=Code.PARSE))
    return good
