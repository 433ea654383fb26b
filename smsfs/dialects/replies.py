"""What the pipeline hands a dialect that shows replies as files."""

from datetime import datetime

from attrs import frozen


@frozen
class ReplyToShow:
    """A reply to a message of an account.

    Attributes:
        id: its number, which no other reply has.
        backend: by which it came.
        sender: MSISDN it came from.
        text: what was written.
        whole: every part of it came.
        at: when it came, UTC.
    """

    id: int
    backend: str
    sender: str
    text: str
    whole: bool
    at: datetime
