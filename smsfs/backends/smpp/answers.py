"""What the ids of a message's parts come to, as its carrier reports on them."""

from collections.abc import Sequence

from smsfs.backends import Accepted
from smsfs.backends.smpp.outgoing import Outgoing


def accepted(outgoing: Outgoing, receipts: str) -> Accepted:
    """The answer for a message all of whose parts were taken.

    Args:
        outgoing: with an id for each, which may be empty.
        receipts: ``"each"``, ``"first"`` or ``"any"``: see :class:`.SmppConfig`.
    """
    first, *more = outgoing.ids
    if first and not more:
        return Accepted(first, outgoing.parts)
    ids = known(outgoing.ids)
    if receipts == "each" and len(ids) < len(outgoing.ids):
        return Accepted("", len(outgoing.ids), ids)
    if receipts == "each":
        return Accepted(first, outgoing.parts, tuple(more))
    if receipts == "first":
        return Accepted(first, outgoing.parts if first else 1, spare=known(more))
    return Accepted(ids[0], outgoing.parts, aliases=ids[1:]) if ids else Accepted("", 1)


def known(ids: Sequence[str]) -> tuple[str, ...]:
    """Those by which a receipt may come; a carrier may give none."""
    return tuple(filter(None, ids))
