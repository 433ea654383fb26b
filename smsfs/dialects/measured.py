"""A text as it is sent, and what it takes, for dialects whose texts stand in files as they are."""

from smsfs.sms import segments
from smsfs.sms.segments import MAX_PARTS
from smsfs.sms.text import TextRules


def measured(rules: TextRules, written: str, most: int = MAX_PARTS) -> tuple[str, str, int]:
    """The text, its encoding on the air and how many SMS it takes.

    Args:
        rules: the account's.
        written: by the client.
        most: how many SMS it may take.

    Raises:
        ValueError: it is empty or too long, or breaks the rules; the text is a clause.
    """
    text = rules.read(written)
    if not text:
        raise ValueError("the message is empty")
    coding, parts = segments.count(text)
    if parts > most:
        limit = "can be joined" if most == MAX_PARTS else "are allowed"
        raise ValueError(f"the message takes {parts} SMS; at most {most} {limit}")
    return text, coding, parts
