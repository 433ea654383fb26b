"""From a contact to its message, or to everything that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smsfs.dialects.smsportal.codes import Code, Fault
from smsfs.dialects.smsportal.options import Plan
from smsfs.dialects.smsportal.template import VALUES, gsm_text, pieces
from smsfs.errors import Cause
from smsfs.sms import segments
from smsfs.sms.message import Message
from smsfs.sms.plans import NoNetworkError, international
from smsfs.sms.quoting import escaped, quoted
from smsfs.sms.segments import MAX_PARTS

MAX_REFERENCE = 255
_KEYS = frozenset({"msisdn", "message", "values", "customerid", *VALUES})


def message(row: int, index: int, contact: Any, plan: Plan) -> Message:
    """The message to a contact.

    Args:
        row: its ordinal in the whole file, from 1.
        index: its ordinal in the document, from 1; tells when in the window it is sent.
        contact: as it was read, names folded.
        plan: the document's.

    Raises:
        Fault: something is wrong with it.
    """
    _check_contact(contact, plan)
    recipient, text = _recipient(contact, plan), _text(contact, plan)
    kind, parts = _measured(text)
    due, until = plan.window.due(index - 1, plan.contacts), plan.window.end
    reference = _reference(contact, plan)
    return Message(row, recipient, text, plan.sender, "standard", reference, kind, parts, due, until)


def causes(document: str, index: int, contact: Any, plan: Plan) -> Iterator[Cause]:
    """Everything that is wrong with a contact, not only the first."""
    number = contact.get("msisdn") if isinstance(contact, dict) else None
    shown = escaped(number[:40]) if isinstance(number, str) else ""
    checks = (_check_contact, _recipient, _checked_text, _reference)
    for check in checks if isinstance(contact, dict) else checks[:1]:
        try:
            check(contact, plan)
        except Fault as fault:
            yield Cause(str(fault), code=fault.code, index=index, msisdn=shown, document=document)


def _check_contact(contact: Any, plan: Plan) -> None:
    if not isinstance(contact, dict):
        raise Fault(Code.PARSE, 'the contact is no object such as {"msisdn": "27821234567"}')
    if plan.strict and (unknown := contact.keys() - _KEYS):
        raise Fault(
            Code.PARSE, f"{quoted(min(unknown))} is unknown; there are msisdn, message, customerId, values"
        )


def _recipient(contact: Mapping[str, Any], plan: Plan) -> str:
    text = contact.get("msisdn")
    if text is None or text == "":
        raise Fault(Code.MISSING, "msisdn is missing or empty")
    if not isinstance(text, str):
        raise Fault(Code.PARSE, "msisdn is no number")
    try:
        return international(text.strip(), plan.country, check=plan.check_networks)
    except NoNetworkError as error:
        raise Fault(Code.NETWORK, str(error)) from None
    except ValueError as error:
        raise Fault(Code.PARSE, str(error)) from None


def _text(contact: Mapping[str, Any], plan: Plan) -> str:
    """What the contact reads: its own message, else the template, with its values in their places."""
    own = contact.get("message")
    if own is None or own == "":
        text = _filled(plan.template, contact)
    elif not isinstance(own, str):
        raise Fault(Code.PARSE, "message is no text")
    else:
        text = _filled(pieces(own), contact) if "@@" in own else own
    if not text or text.isspace():
        raise Fault(Code.MISSING, "the message is empty")
    return gsm_text(plan.texts, text, "the message")


def _filled(template: Sequence[str], contact: Mapping[str, Any]) -> str:
    if len(template) <= 1:  # no value stands in it
        return "".join(template)
    values = contact.get("values")
    if values is not None and not isinstance(values, dict):
        raise Fault(Code.PARSE, 'values is no object such as {"value1": "John"}')
    given = {**contact, **(values or {})}
    return "".join([_value(given, piece) if place % 2 else piece for place, piece in enumerate(template)])


def _value(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise Fault(Code.PARSE, f"{name} is neither a text nor a number")
    return value


def _measured(text: str) -> tuple[str, int]:
    measured = segments.count(text)
    if measured[1] > MAX_PARTS:
        raise Fault(Code.PARSE, f"the message takes {measured[1]} SMS; at most {MAX_PARTS} can be joined")
    return measured


def _checked_text(contact: Mapping[str, Any], plan: Plan) -> None:
    _measured(_text(contact, plan))


def _reference(contact: Mapping[str, Any], plan: Plan) -> str:
    del plan  # it says nothing about references
    value = contact.get("customerid")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Fault(Code.PARSE, "customerId is neither a text nor a number")
    if len(value) > MAX_REFERENCE or not value.isprintable():
        raise Fault(
            Code.PARSE, f"customerId is over {MAX_REFERENCE} characters, or holds one that is not printable"
        )
    return value
