"""How intake ends for a file: what its client sees, who gets a mail, and what the log says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from attrs import evolve

from smsfs.dialects import Findings
from smsfs.errors import Cause
from smsfs.metrics import tally
from smsfs.metrics.catalog import FILE_INTAKE_SECONDS, FILES
from smsfs.names import seconds_from
from smsfs.pipeline.free_names import Shown
from smsfs.pipeline.intake.sorter import Reading, Work
from smsfs.states import FileState
from smsfs.store import Batch, NewNotice, Verdict

KEPT_CAUSES = 100

log = structlog.get_logger()


def already_sent(earlier: Batch) -> Cause:
    """Why a file is rejected whose like was accepted a moment ago."""
    at = datetime.fromtimestamp(earlier.submitted, UTC)
    return Cause(
        f"a file of this name with the same bytes was accepted at {at:%Y-%m-%d %H:%M:%S} UTC "
        f"as {earlier.path}, so this one is taken for a repeated upload and nothing was sent again; "
        "to send it once more, wait a little or change the file or its name"
    )


def complete(work: Work, reading: Reading, verdict: Verdict) -> Verdict:
    """A verdict with what is shown and sent along: the file's last lines, its causes, and mails."""
    return evolve(
        verdict,
        tail=_tail(work, reading),
        notices=_notices(work, reading, verdict),
        **kept_causes(reading),
    )


def _tail(work: Work, reading: Reading) -> bytes:
    """What the file shows behind the client's bytes."""
    if not reading.causes:
        return b""
    causes = reading.first(KEPT_CAUSES)
    return work.dialect.tail(reading.head, causes, reading.cause_count, work.submission)


def shown(work: Work, reading: Reading, verdict: Verdict) -> Iterator[Shown]:
    """What the client is to see: the file's path and its reports; then either under other names."""
    path, spare = work.path(verdict.state), work.dialect.spare
    reports = _reports(work, reading, verdict, path)
    yield path, reports
    for at in seconds_from(verdict.at):
        yield path, [(spare(name, at), data) for name, data in reports]
        if verdict.state is not FileState.CONSUMED:
            yield spare(path, at), _reports(work, reading, verdict, spare(path, at))


def _reports(work: Work, reading: Reading, verdict: Verdict, path: str) -> list[tuple[str, bytes]]:
    """Files that say what was wrong, named after the file as it is called now."""
    if not reading.causes:
        return []
    submission = evolve(work.submission, stem=path.rpartition("/")[2])
    at = datetime.fromtimestamp(verdict.at, UTC)
    findings = Findings(submission, reading.causes, reading.cause_count, verdict.state, at)
    return work.dialect.reports(findings)


def kept_causes(reading: Reading) -> dict[str, Any]:
    """What a verdict keeps of the causes."""
    return {"causes": reading.first(KEPT_CAUSES), "cause_count": reading.cause_count}


def _notices(work: Work, reading: Reading, verdict: Verdict) -> list[NewNotice]:
    """Who gets which mail: how it went, and what was cancelled; a report beside the file has no address."""
    addresses = [address for address in reading.emails or [work.settings["email"]] if address]
    notices = [NewNotice("verdict", address, verdict.at) for address in addresses]
    if reading.until and verdict.messages:
        notices += [NewNotice("window", address, reading.until) for address in ["", *addresses]]
    return notices


def log_verdict(work: Work, verdict: Verdict) -> None:
    """Log and count how a file went."""
    seconds = verdict.at - work.batch.not_before
    tally.add(FILES, 1, work.account.dialect, verdict.state)
    tally.observe(FILE_INTAKE_SECONDS, [seconds], work.account.dialect)
    log.info(
        "rejected" if verdict.state is FileState.REJECTED else "accepted",
        account=work.account.name,
        file=work.batch.stem if verdict.state is FileState.CONSUMED else verdict.path,
        batch=work.batch.id,
        messages=verdict.messages,
        seconds=round(seconds, 3),
        **({"causes": verdict.cause_count, "cause": str(verdict.causes[0])} if verdict.causes else {}),
    )
