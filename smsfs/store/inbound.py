"""What comes back from carriers: receipts and replies."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from attrs import frozen
from msgspec import Struct

from smsfs.store.accounts import Account
from smsfs.store.files import NewFile
from smsfs.store.processes import Process


class NewReceipt(Struct, frozen=True):
    """A receipt as a carrier delivered it, of a message or one part of it.

    Attributes:
        backend: by which it came.
        carrier_id: the carrier's id for the message or part; empty if it could not be read.
        recipient: MSISDN as a number; None if the carrier does not say.
        event: of ``states.MESSAGE_TRANSITIONS``; empty if it could not be read.
        at: when it came, in seconds since the epoch by the store's clock.
        code: the carrier's code for the reason.
        reason: its word.
        done: when, in seconds since the epoch by the carrier's clock; None if it does not say.
        other: another id that it names, which counts if nobody knows the first; empty if it names none.
        reply: what it is if nobody knows its id: a message from a person that looks like a receipt.
        price: that it tells, in the form of ``Outcome``; None if it tells none.
    """

    backend: str
    carrier_id: str
    recipient: int | None
    event: str
    at: float
    code: str = ""
    reason: str = ""
    done: float | None = None
    other: str = ""
    reply: "NewReplyPart | None" = None
    price: str | None = None

    @property
    def readable(self) -> bool:
        """Whether it names a message and says what became of it."""
        return bool(self.carrier_id and self.event)


class MatchedReceipt(Struct, frozen=True):
    """A receipt and its message."""

    receipt: NewReceipt
    account: str
    path: str
    row: int


@frozen
class NewReplyPart:
    """A message from a person, or a part of a long one; ``text`` may begin or end with half a character.

    Parts of one message share sender, recipient, reference and total; ``part`` counts from 1. A message
    in one part may have the carrier's ``id``, by which it is known when it comes again.
    """

    backend: str
    sender: str
    recipient: str
    text: str
    at: float
    reference: int = 0
    part: int = 1
    total: int = 1
    id: str = ""


@frozen
class Reply:
    """A message from a person.

    Attributes:
        id: its number.
        backend: by which it came.
        sender: who wrote it; digits where it is a number.
        recipient: the number or short code it was sent to.
        text: what was written.
        whole: every part of it came.
        at: when its last part came, by the store's clock; if that was over an hour before it was
            put together, when it was.
        account: name of the account that it is for; None where no message went to that number before.
        batch: with the last message that went there.
        path: of that batch's file; None once that is forgotten.
        row: of that message.
        stopped: it has put its sender on the account's opt-out list.
    """

    id: int
    backend: str
    sender: str
    recipient: str
    text: str
    whole: bool
    at: float
    account: str | None = None
    batch: int | None = None
    path: str | None = None
    row: int | None = None
    stopped: bool = False


@frozen
class Polled:
    """How far the messages of a backend were asked about.

    Attributes:
        backend: its name.
        after: the outcome with this number was the last one looked at; -1 between two rounds.
        began: when the round did, in seconds since the epoch by the store's clock.
    """

    backend: str
    after: int = -1
    began: float = 0.0


@frozen
class Arrived:
    """What has come in: receipts with their messages, those kept without one, and replies.

    ``again`` is what came before, and is not stored a second time.
    """

    matched: Sequence[MatchedReceipt] = ()
    kept: Sequence[NewReceipt] = ()
    replies: Sequence[Reply] = ()
    again: Sequence[NewReceipt | NewReplyPart] = ()


#: Whether a reply of this text puts its sender on the account's opt-out list.
Stops = Callable[[Account, str], bool]


class Inbound(Protocol):
    """Receipts and replies.

    A receipt becomes an outcome of its message, once that is known; until then it is kept. A receipt or part
    that is delivered several times counts once.
    """

    def sort(self) -> bool:
        """Do some of what makes messages quick to be found; whether there may be more to do."""

    def receive(self, receipts: Sequence[NewReceipt], parts: Sequence[NewReplyPart], stops: Stops) -> Arrived:
        """Store what carriers delivered, all of it in one commit, with what can be made of it."""

    def match(self, now: float, limit: int, stops: Stops) -> Arrived:
        """Look again at up to ``limit`` kept receipts that are due, and at as many unfinished replies.

        A receipt may have an id that nobody knows, and that nobody can learn any more, or only from a carrier
        that has been silent for a minute. It goes to the message of its backend to the same number whose fate
        is unknown, if there is exactly one. A reply is put together after a day with what came of it.
        """

    def polled(self, backend: str) -> Polled:
        """How far the messages of a backend were asked about."""

    def note_polled(self, owner: Process, what: str, place: Polled) -> None:
        """Go on from there.

        Raises:
            StaleOwnerError: ``owner`` does not lead ``what`` any more.
        """

    def first_since(self, at: float) -> int:
        """The number of the first outcome since then; one above all if there is none."""

    def awaited(self, backend: str, after: int, until: float, limit: int) -> tuple[int | None, list[str]]:
        """The carrier's ids of messages of which nothing final is known, among some outcomes.

        Args:
            backend: that sent them.
            after: the number of the outcome before them.
            until: those learnt later are passed over.
            limit: how many outcomes are looked through.

        Returns:
            The number of the last outcome; None if there was none.
        """

    def waiting(self) -> int:
        """How many receipts are kept without a message."""

    def replies(
        self, account: int | None = None, since: float = 0.0, until: float = math.inf
    ) -> Iterator[Reply]:
        """Replies that came from ``since`` on and before ``until``, oldest first.

        Without an account, all of them, also those for nobody.
        """

    def unshown(self, dialect: str, after: int, limit: int) -> list[Reply]:
        """Up to ``limit`` replies to accounts of a dialect that were not shown, by id, above ``after``."""

    def show(
        self, reply: int, account: int, files: Sequence[NewFile], at: float, owner: Process, what: str
    ) -> bool:
        """Show a reply, in one transaction.

        Args:
            reply: its id.
            account: whose it is.
            files: finished, for the client to read and to delete; none where it is not to be shown.
            at: now.
            owner: who made them.
            what: it must lead.

        Returns:
            Whether it is shown; it is not where it was before, or is forgotten.

        Raises:
            Exists: one of the paths is taken.
            StaleOwnerError: the owner does not lead any more.
        """

    def expire(self, replies_before: Mapping[int, float], kept_before: float, limit: int) -> int:
        """Forget up to ``limit`` of what is too old, of each kind.

        Args:
            replies_before: by account, when the newest reply to forget came.
            kept_before: the same for receipts without a message, and replies for nobody.
            limit: how many in one call.
        """
