"""The rows of a file that are sent again, out of all that it has."""

from collections.abc import Iterable, Iterator

from smsfs.dialects import Pause, Refused, Row, Sheet
from smsfs.errors import Cause, Ignored, Unreadable
from smsfs.sms.message import Message
from smsfs.store.resends import Resend, Rows, Tally

#: After so many rows that are left out, another file may have its turn.
PAUSE_ROWS = 100


def chosen(rows: Iterable[Row], resend: Resend) -> Iterator[Row]:
    """The chosen rows; none of what is wrong with others, which their client was told before.

    Raises:
        Unreadable: the rows are not those that were chosen; nothing of them is to be sent.
    """
    wanted, tally = Rows(resend.ranges), Tally()
    try:
        for number, row in enumerate(rows, 1):
            if isinstance(row, Sheet):
                yield row
            elif isinstance(row, Message | Refused) and _message(row).row in wanted:
                tally.add(_message(row).row, _message(row).recipient)
                yield row
            elif isinstance(row, Pause) or not number % PAUSE_ROWS:
                yield Pause()
    except Ignored as exc:
        raise Unreadable(exc.cause) from None
    if (tally.messages, tally.digest()) != (resend.messages, resend.digest):
        raise Unreadable(
            Cause(
                f"{tally.messages} of the {resend.messages} rows of batch {resend.origin} that are to be "
                "sent again could be read as they were before, so nothing was sent: the account's settings "
                "have changed since; upload these rows as a new file"
            )
        )


def not_known(origin: int) -> Cause:
    """Why a file is rejected of which nobody knows any more which rows are to be sent again."""
    return Cause(
        f"the record of which rows of batch {origin} are to be sent again is lost, so nothing was sent; "
        "choose them again"
    )


def _message(row: Message | Refused) -> Message:
    return row.message if isinstance(row, Refused) else row
