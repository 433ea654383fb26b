"""What the pipeline hands a dialect for the files of a day, and how it asks for them."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from attrs import frozen

from smsfs.states import MessageState


@frozen
class StatusRow:
    """What became of one message.

    Attributes:
        account: the account's name.
        batch: the batch's number.
        message: the message's id.
        phone: MSISDN it went to.
        sent: seconds since the epoch; 0 if it never left.
        delivered: seconds since the epoch; 0 if it was not.
        state: final or not.
        code: what came with the state.
        reason: what came with it, in words.
        own: whether smsfs refused it, and no carrier has seen it.
    """

    account: str
    batch: str
    message: str
    phone: str
    sent: float
    delivered: float
    state: MessageState
    code: str = ""
    reason: str = ""
    own: bool = False


@frozen
class ReceivedRow:
    """A reply.

    Attributes:
        account: the account's name.
        batch: the number of the batch of the message it answers; empty where none is known.
        message: the reply's own id.
        outgoing: the id of the message it answers; empty where none is known.
        phone: MSISDN it came from.
        text: what it says.
        received: seconds since the epoch.
    """

    account: str
    batch: str
    message: str
    outgoing: str
    phone: str
    text: str
    received: float


@frozen
class DailyReports:
    """The two files of each day.

    Attributes:
        names: what they are called: that of the statuses, and that of the replies.
        statuses: the bytes of the one, in pieces; rows may be in a state that is not final.
        replies: the bytes of the other, in pieces.
    """

    names: Callable[[date], tuple[str, str]]
    statuses: Callable[[Iterable[StatusRow]], Iterator[bytes]]
    replies: Callable[[Iterable[ReceivedRow]], Iterator[bytes]]
