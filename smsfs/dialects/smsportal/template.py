"""Message templates: ``@@value1@@`` to ``@@value6@@``, and the characters that may stand around them."""

import re
import unicodedata

from smsfs.dialects.smsportal.codes import Code, Fault
from smsfs.sms import gsm
from smsfs.sms.quoting import quoted
from smsfs.sms.text import TextRules

VALUES = tuple(f"value{number}" for number in range(1, 7))
_marker = re.compile(r"@@(\w+)@@")


def pieces(text: str) -> tuple[str, ...]:
    """Text and the name of a value in turn, text first and last.

    Raises:
        Fault: something stands between the signs that is no value's name.
    """
    found = _marker.split(text)
    for place in range(1, len(found), 2):
        name = found[place].lower()
        if name not in VALUES:
            known = f"{VALUES[0]} to {VALUES[-1]}"
            raise Fault(Code.PARSE, f"{quoted(f'@@{found[place]}@@')} cannot be filled in; there are {known}")
        found[place] = name
    return tuple(found)


def gsm_text(rules: TextRules, written: str, what: str) -> str:
    """A text as it is sent, which can be written in the GSM alphabet and its extension.

    Raises:
        Fault: it cannot, or the rules refuse it; the first wrong character is named, as one of ``what``.
    """
    text, problem = written, ""
    try:
        text = rules.read(written)
    except ValueError as error:
        problem = str(error)
    character = gsm.foreign(text)
    if character is not None:
        name = unicodedata.name(character, "")
        shown = f"U+{ord(character):04X}{' ' if name else ''}{name}"
        reason = f"{what} holds {quoted(character)} ({shown}), which is not in the GSM alphabet"
        raise Fault(Code.PARSE, reason)
    if problem:
        raise Fault(Code.PARSE, problem)
    return text
