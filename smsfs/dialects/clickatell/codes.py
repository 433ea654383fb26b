"""The error codes of Clickatell that something here stands for."""

PARAMETER = "101"
RECIPIENT = "105"
SENDER = "106"
EMPTY = "107"
PARTS = "113"
UNICODE = "116"
TIME = "120"
OPTOUT = "122"
CREDIT = "301"
INTERNAL = "901"

#: What the pipeline finds -> code.
FOUND = {
    "optout": OPTOUT,
    "duplicate file": PARAMETER,
    "credits": CREDIT,
    "nothing to send": PARAMETER,
    "corrupt": PARAMETER,
    "internal": INTERNAL,
}
