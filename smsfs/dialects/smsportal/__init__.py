"""The folder rules of SMSPortal's SFTP to SMS, and of its white label.

A file in ``Send_SMS`` whose name ends in .txt, .json or .zip is sent as soon as its upload is complete; it
then moves to ``Processed`` or ``Errors``. Names that start with a dot wait: clients upload under such names
first. Rules that the vendor's page does not give are ours: a zip is sent whole or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from smsfs.dialects import PAUSES, Dialect, Pause, Row, Submission
from smsfs.dialects.smsportal import reports
from smsfs.dialects.smsportal.codes import Code
from smsfs.dialects.smsportal.document import Source, rows
from smsfs.dialects.staging import is_staging
from smsfs.errors import Cause, ConfigurationError, NameTooLong, NotAllowed, Unreadable
from smsfs.formats import archives, encoding
from smsfs.names import MAX_NAME, is_too_long
from smsfs.sms.plans import is_country
from smsfs.sms.quoting import quoted
from smsfs.sms.sender import sender
from smsfs.states import FileState

SEND, PROCESSED, ERRORS = "Send_SMS", "Processed", "Errors"
DOCUMENTS, ARCHIVE = (".txt", ".json"), ".zip"
#: Bytes that another time and a report's ending add to a name.
_ADDED = len(".YYYYMMDDTHHMMSS") + max(len(reports.TEXT), len(reports.JSON))
MIB = 1024 * 1024

#: Of uploads under way and hidden files, and of what Word puts beside an open document.
_WAITING = (".", "~$")
_FOLDERS = {
    FileState.PROCESSING: SEND,
    FileState.SUCCESS: PROCESSED,
    FileState.REJECTED: ERRORS,
    FileState.CONSUMED: PROCESSED,
}
_REFUSALS = {
    FileState.PROCESSING: "is being processed; it can be read now, and goes to Processed or Errors then.",
    FileState.SUCCESS: "has been sent; it can be read or deleted. To send again, upload it under a new name.",
    FileState.REJECTED: "was rejected; rename it into Send_SMS to send it again, or delete it.",
}
_REPORT_REFUSAL = "is the server's; it can be read or deleted."
_CODES = {
    "optout": Code.OPTOUT,
    "duplicate file": Code.DUPLICATE,
    "credits": Code.CREDITS,
    "nothing to send": Code.EMPTY,
    "corrupt": Code.CORRUPT,
    "internal": Code.INTERNAL,
}


class SmsPortal(Dialect):
    """The dialect ``smsportal``."""

    name = "smsportal"
    folders: tuple[str, ...] = (SEND, PROCESSED, ERRORS)
    refusals = _REFUSALS
    defaults: Mapping[str, Any] = {
        "sender_fixed": "",  # what senderId Fixed stands for; empty: the backend's own
        "sender_fixedr": "",  # likewise FixedR
        "country": "",  # whose local numbers are read, such as ZA; empty: numbers are international
        "check_networks": True,
        "unknown_keys": "ignore",
        "unique_seconds": 172_800,  # how long a name is not accepted again; 0: it always is
        "duplicate_seconds": 0,  # names are unique anyhow
        "optouts": True,
        "max_batch_bytes": 20 * MIB,  # of one document
        "max_zip_bytes": 200 * MIB,  # of all documents of a zip, inflated
    }
    choices: Mapping[str, tuple[str, ...]] = {"unknown_keys": ("ignore", "reject")}

    def check_setting(self, key: str, value: str) -> Any:
        """The value of a setting from its text; countries and senders must be valid."""
        checked = super().check_setting(key, value)
        return _text(key, checked) if isinstance(checked, str) else checked

    def create(self, path: str, settings: Mapping[str, Any]) -> None:
        """Check that a client may create a file under this name."""
        _check_folder(path)
        if _submits(path):
            _check_length(path)

    def refusal(self, path: str, state: FileState) -> str:
        """Why a client may not change a file, by its state; finished files in ``Errors`` are reports."""
        is_report = state is FileState.SUCCESS and path.startswith(f"{ERRORS}/")
        return f"{path} {_REPORT_REFUSAL}" if is_report else super().refusal(path, state)

    def rename(self, new: str, settings: Mapping[str, Any]) -> Submission | None:
        """What renaming a file to ``new`` means: a submission if that name is sent."""
        self.create(new, settings)
        return _submission(new)

    def trial(self, name: str) -> Submission:
        """As in ``Send_SMS``."""
        submission = _submission(f"{SEND}/{name}")
        if not submission:
            raise NotAllowed(
                f"No file named {quoted(name)} would be sent: its name must end in .txt, .json or .zip."
            )
        return submission

    def close(self, path: str, settings: Mapping[str, Any]) -> Submission | None:
        """A submission, if it is one by its name."""
        return _submission(path)

    def stray(self, path: str, size: int, settings: Mapping[str, Any]) -> Cause | None:
        """Why a file in ``Send_SMS`` will never be sent: it is empty, or has no name that is."""
        folder, _, name = path.rpartition("/")
        if folder != SEND or name.startswith(_WAITING) or is_staging(name):
            return None
        if not _submits(path):
            reason = "nothing is sent of it: its name must end in .txt, .json or .zip"
            return Cause(reason, code=Code.PARSE, document=name)
        return None if size else Cause("nothing is sent of it: it is empty", code=Code.EMPTY, document=name)

    def path(self, submission: Submission, at: datetime, state: FileState) -> str:
        """``Send_SMS/x.json``, then ``Processed/x.json`` or ``Errors/x.json``."""
        return f"{_FOLDERS[state]}/{submission.stem}"

    def skips_bad_rows(self, settings: Mapping[str, Any]) -> bool:
        """Always; ``max_errors`` in the file limits it."""
        return True

    def read(
        self,
        stream: BinaryIO,
        size: int,
        submission: Submission,
        settings: Mapping[str, Any],
        at: datetime,
    ) -> Iterator[Row]:
        """The sheets of a file with their rows; a zip of which one document is wrong is not sent at all."""
        found = self._rows(stream, size, submission, settings, at)
        return found if settings.get(PAUSES) else (row for row in found if not isinstance(row, Pause))

    @staticmethod
    def _rows(
        stream: BinaryIO, size: int, submission: Submission, settings: Mapping[str, Any], at: datetime
    ) -> Iterator[Row]:
        wrong: list[Cause] = []
        empty: list[Cause] = []
        good = before = 0
        for source in _sources(stream, size, submission.stem, settings):
            try:
                found, contacts = yield from rows(source, settings, at, before)
            except Unreadable as exc:
                wrong.append(exc.cause)
                continue
            good, before = good + found, before + contacts
            if not found:
                empty.append(
                    Cause(
                        "no message can be sent to any of its contacts", code=Code.EMPTY, document=source.name
                    )
                )
        if not good:
            wrong, empty = [*wrong, *empty], []
        yield from [*empty, *wrong[:-1]]
        if wrong:
            raise Unreadable(wrong[-1])

    def reports(
        self,
        submission: Submission,
        causes: Sequence[Cause],
        total: int,
        state: FileState,
        at: datetime,
        *,
        others: int | None = None,
    ) -> list[tuple[str, bytes]]:
        """``Errors/x.json.errors.txt`` and ``Errors/x.json.errors.json``, if there is anything to tell."""
        if not causes:
            return []
        name = submission.stem
        told = (name, causes, total, state, at)
        return [
            (f"{ERRORS}/{name}{reports.TEXT}", reports.for_people(*told, others)),
            (f"{ERRORS}/{name}{reports.JSON}", reports.for_machines(*told)),
        ]

    def unique_seconds(self, settings: Mapping[str, Any]) -> float:
        """As the account's setting says."""
        return float(settings["unique_seconds"])

    def code_for(self, what: str) -> str:
        """One of the codes of the page."""
        return _CODES.get(what, Code.INTERNAL)


def _check_folder(path: str) -> None:
    folder = path.rpartition("/")[0]
    if folder in {PROCESSED, ERRORS}:
        raise NotAllowed(f"Only the server puts files into {folder}; upload to {SEND}.")


def _submits(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == SEND and not name.startswith(_WAITING) and name.lower().endswith((*DOCUMENTS, ARCHIVE))


def _check_length(path: str) -> None:
    name = path.rpartition("/")[2]
    if is_too_long(name, _ADDED):
        raise NameTooLong(
            f"The name is too long for a file to be sent; it has at most {MAX_NAME - _ADDED} bytes."
        )


def _submission(path: str) -> Submission | None:
    return Submission(path.rpartition("/")[2]) if _submits(path) else None


def _text(key: str, value: str) -> str:
    if key == "country" and value and not is_country(value):
        raise ConfigurationError(f"The country must be two capital letters such as ZA, not {quoted(value)}.")
    if key.startswith("sender"):
        try:
            return sender(value)
        except ValueError as error:
            raise ConfigurationError(f"{key} is a sender's name or number: {error}.") from None
    return value


def _sources(stream: BinaryIO, size: int, name: str, settings: Mapping[str, Any]) -> Iterator[Source]:
    """The documents of a file: itself, or those inside a zip."""
    most = settings["max_batch_bytes"]
    if not name.lower().endswith(ARCHIVE):
        if size > most:
            reason = f"the file has {size:,} bytes; at most {most:,} are read: split it"
            raise Unreadable(Cause(reason, code=Code.PARSE, document=name))
        yield Source(name, name.lower(), partial(encoding.blocks, stream, size))
        return
    try:
        inside = archives.documents(stream, size, DOCUMENTS, archives.Limits(most, settings["max_zip_bytes"]))
    except Unreadable as exc:
        raise Unreadable(Cause(exc.cause.reason, code=Code.CORRUPT, document=name)) from None
    names = [document.name.lower() for document in inside]
    for document in inside:
        if names.count(document.name.lower()) > 1:
            reason = f"the archive holds {quoted(document.name)} twice"
            raise Unreadable(Cause(reason, code=Code.DUPLICATE, document=name))
    for document in inside:
        yield Source(f"{name}/{document.name}", document.name.lower(), document.blocks)
