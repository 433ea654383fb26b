"""The error codes of SMSPortal's page, and how they are raised."""

from enum import StrEnum


class Code(StrEnum):
    """The error codes of the vendor's page."""

    CREDITS = "InsufficientCredits"
    DATE = "IncorrectScheduledDate"
    NETWORK = "MSISDN.NoNetworkFound"
    OPTOUT = "MSISDN.Optout"
    MISSING = "RequiredParameter.Missing"
    VERSION = "File.InvalidVersion"
    PARSE = "File.ParseError"
    DUPLICATE = "File.DuplicateFound"
    CORRUPT = "File.Corrupt"
    EMPTY = "EmptySend.NoValidMessages"
    INTERNAL = "InternalServerError"


#: What the pipeline finds -> the code.
FOUND = {
    "optout": Code.OPTOUT,
    "duplicate file": Code.DUPLICATE,
    "credits": Code.CREDITS,
    "nothing to send": Code.EMPTY,
    "corrupt": Code.CORRUPT,
    "internal": Code.INTERNAL,
}


class Fault(Exception):
    """Something about a document or a contact is wrong: the page's code for it, and a clause."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
