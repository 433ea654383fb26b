"""What stands beside a file in ``Errors``: every fault, once for people and once for machines."""

import json

from smsfs.dialects import Findings
from smsfs.errors import Cause
from smsfs.sms.quoting import escaped
from smsfs.states import FileState

TEXT, JSON = ".errors.txt", ".errors.json"

_REJECTED = "was not processed and nothing was sent; this is wrong with it:"
_PROCESSED = "was processed and its other messages are sent; this was wrong with it:"
#: When all is over: how many others there are is known.
_SOME_SENT = "was processed, and {others:,} of its messages {were} sent; this is what became of the others:"
_NONE_SENT = (
    "was processed, but none of its messages is known to have been sent; this is what became of them:"
)


def for_people(findings: Findings) -> bytes:
    """A line for the file, one for each fault, and one for those that are not shown."""
    verdict = _verdict(findings.state, findings.others)
    lines = [f"{escaped(findings.submission.stem)} {verdict}", *map(_line, findings.causes)]
    if findings.total > len(findings.causes):
        lines.append(f"And {findings.total - len(findings.causes):,} more.")
    lines.append(f"Told at {findings.at:%Y-%m-%d %H:%M:%S} UTC.")
    return _utf8("\r\n".join([*lines, ""]))


def _verdict(state: FileState, others: int | None) -> str:
    if state is not FileState.SUCCESS:
        return _REJECTED
    if others is None:
        return _PROCESSED
    return _SOME_SENT.format(others=others, were="was" if others == 1 else "were") if others else _NONE_SENT


def for_machines(findings: Findings) -> bytes:
    """One JSON object: ``file``, ``state``, ``at``, ``total``, and ``faults`` as a list of objects."""
    faults = [
        {
            "code": str(cause.code),
            "document": cause.document,
            "contact": cause.index,
            "msisdn": cause.msisdn,
            "line": cause.line,
            "column": cause.column,
            "reason": cause.reason,
        }
        for cause in findings.causes
    ]
    shown = {
        "file": findings.submission.stem,
        "state": str(findings.state),
        "at": f"{findings.at:%Y-%m-%dT%H:%M:%SZ}",
        "total": findings.total,
        "faults": faults,
    }
    return _utf8(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def _line(cause: Cause) -> str:
    return escaped(f"{cause.code or '-'}  {cause}.")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
