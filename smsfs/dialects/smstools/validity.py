"""How long a message is good, as ``Validity:`` says it."""

import re

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800
#: The least and the most that a carrier's one octet can say (3GPP TS 23.040, 9.2.3.12.1).
LEAST, MOST = 5 * MINUTE, 63 * WEEK

_SECONDS = {"min": MINUTE, "hour": HOUR, "day": DAY, "week": WEEK, "month": 30 * DAY, "year": 365 * DAY}
_unit = "(min(?:ute)?|hour|day|week|month|year)s?"
_in_words = re.compile(rf"([0-9]{{1,9}})\s*{_unit}|{_unit}\s*([0-9]{{1,9}})", re.IGNORECASE).fullmatch
_in_octet = re.compile("[0-9]{1,3}").fullmatch
#: The last octet of a step -> the octet it counts from, seconds of each, seconds before.
_STEPS = {
    143: (-1, 5 * MINUTE, 0),
    167: (143, 30 * MINUTE, 12 * HOUR),
    196: (166, DAY, 0),
    255: (192, WEEK, 0),
}


def seconds(value: str) -> int:
    """How long the message is good.

    Raises:
        ValueError: it says neither a number with a unit nor an octet; the text is a clause.
    """
    if found := _in_words(value):
        number, unit = found[1] or found[4], found[2] or found[3]
        written = int(number) * _SECONDS[unit.lower().removesuffix("ute")]
        return max(LEAST, min(written, MOST))
    if _in_octet(value) and int(value) <= max(_STEPS):
        octet = int(value)
        base, each, before = next(step for last, step in _STEPS.items() if octet <= last)
        return before + (octet - base) * each
    raise ValueError("it is a number with min, hour, day, week, month or year, or one from 0 to 255")
