"""What the ids of a message's parts come to, as its carrier reports on them."""

from collections.abc import Sequence

from smsfs.backends import Accepted
from smsfs.backends.smpp.letter import Letter


def accepted(letter: Letter, receipts: str) -> Accepted:
    """The answer for a message all of whose parts were taken.

    Args:
        letter: with an id for each, which may be empty.
        receipts: ``"each"``, ``"first"`` or ``"any"``: see :class:`.SmppConfig`.
    """
    first, *more = letter.ids
    ids = known(letter.ids)
    if receipts == "each" and len(ids) < len(letter.ids):
        return Accepted("", len(letter.ids), ids)
    if receipts == "each":
        return Accepted(first, letter.parts, tuple(more))
    if receipts == "first":
        return Accepted(first, letter.parts if first else 1, spare=known(more))
    return Accepted(ids[0], letter.parts, aliases=ids[1:]) if ids else Accepted("", 1)


def known(ids: Sequence[str]) -> tuple[str, ...]:
    """Those by which a receipt may come; a carrier may give none."""
    return tuple(filter(None, ids))
