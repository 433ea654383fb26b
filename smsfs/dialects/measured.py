"""A text as it is sent, and what it takes, for dialects whose texts stand in files as they are."""

import re

from smsfs.sms import gsm, segments
from smsfs.sms.segments import MAX_PARTS
from smsfs.sms.text import TextRules

#: Most texts: characters of the GSM alphabet, which every rule leaves as they are, and one SMS has room for.
_simple = re.compile(f"[{gsm.LETTERS}]{{1,{segments.SINGLE[segments.GSM7]}}}").fullmatch


def measured(rules: TextRules, written: str, most: int = MAX_PARTS) -> tuple[str, str, int]:
    """The text, its encoding on the air and how many SMS it takes.

    Args:
        rules: the account's.
        written: by the client.
        most: how many SMS it may take.

    Raises:
        ValueError: it is empty or too long, or breaks the rules; the text is a clause.
    """
    if _simple(written):
        return written, segments.GSM7, 1
    text = rules.read(written)
    if not text:
        raise ValueError("the message is empty")
    coding, parts = segments.count(text)
    if parts > most:
        limit = "can be joined" if most == MAX_PARTS else "are allowed"
        raise ValueError(f"the message takes {parts} SMS; at most {most} {limit}")
    return text, coding, parts
