"""The status codes of Naxai's reports, as far as they are published, and where smsfs's own outcomes belong.

``statusCode`` is the number, ``statusReason`` the number with its name. Of the vendor's list only the codes
up to 345, and 802, could be found; those from 900 are ours, for what the known ones do not say. The table is
open: what is not in it is passed on as it came.
"""

import re
from collections.abc import Mapping

from smsfs.states import MessageState

#: Published by the vendor.
VENDOR: Mapping[str, str] = {
    "100": "submitted",
    "200": "delivered",
    "302": "no-premium",
    "303": "no-premium-roaming",
    "305": "no-credit",
    "309": "no-provider",
    "320": "network",
    "321": "refused-operator",
    "322": "wrong-number",
    "323": "invalid-source",
    "324": "operator-policy",
    "342": "unknown-ack",
    "343": "unknown-dlr",
    "344": "absent",
    "345": "invalid-destination",
    "802": "message-parts-exceeded",
}
#: Ours.
OWN: Mapping[str, str] = {
    "900": "internal",
    "901": "duplicate",
    "902": "expired",
    "903": "cancelled",
    "904": "opted-out",
    "905": "out-of-credit",
    "906": "duplicate-file",
    "907": "nothing-to-send",
    "908": "unreadable-file",
    "909": "bad-row",
    "910": "empty-message",
    "911": "template",
}
NAMES: Mapping[str, str] = {**VENDOR, **OWN}

PARTS_EXCEEDED, DUPLICATE, WRONG_NUMBER = "802", "901", "322"
BAD_ROW, EMPTY_MESSAGE, TEMPLATE = "909", "910", "911"

#: What the pipeline finds -> the code.
FOUND: Mapping[str, str] = {
    "optout": "904",
    "duplicate": "901",
    "duplicate file": "906",
    "credits": "905",
    "nothing to send": "907",
    "internal": "900",
    "corrupt": "908",
}
#: SMPP's word for a refusal (section 5.1.3 of its version 3.4) -> the vendor's code for that.
SMPP: Mapping[str, str] = {"RINVSRCADR": "323", "RINVDSTADR": "345"}
#: A final state -> the code where nothing more is known.
_STATES: Mapping[MessageState, str] = {
    MessageState.DELIVERED: "200",
    MessageState.UNDELIVERED: "343",
    MessageState.REJECTED: "342",
    MessageState.EXPIRED: "902",
    MessageState.CANCELLED: "903",
}
_whole = re.compile(r"([0-9]{3})-[a-z-]+").fullmatch


def is_final(state: MessageState) -> bool:
    """Whether a message in this state is exported: no later receipt will change it."""
    return state in _STATES


def named(code: str) -> str:
    """The reason of a code, such as ``802-message-parts-exceeded``; an unknown code as it is."""
    return f"{code}-{NAMES[code]}" if code in NAMES else code


def status(state: MessageState, code: str = "", reason: str = "", *, own: bool = False) -> tuple[str, str]:
    """``statusCode`` and ``statusReason`` of a message.

    A carrier's bare number is no code of this table, whatever it looks like: its 200 may be an error, its
    901 no duplicate. It is passed on behind the reason.

    Args:
        state: the final state it is in.
        code: what came with it: ``802`` of a row that was refused, ``344-absent`` of a carrier that has
            the same table, or anything else.
        reason: likewise.
        own: smsfs refused it, and no carrier has seen it.
    """
    if own and code in NAMES:
        return code, named(code)
    if state is MessageState.DELIVERED:
        return "200", named("200")
    if found := _whole(code):
        return found[1], code
    known = SMPP.get(code.removeprefix("ESME_"), code)
    if known != code or (code in NAMES and NAMES[code] == reason):
        return known, named(known)
    usual = _STATES.get(state, "100")
    detail = " ".join(filter(None, (code, reason)))
    return usual, f"{named(usual)} ({detail})" if detail else named(usual)
