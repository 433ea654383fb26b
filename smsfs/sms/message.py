"""The record of one message, as rows become it and backends receive it."""

import msgspec


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One text message to one recipient.

    Its key is ``(batch, row)``; the slice it is in knows the batch.

    Attributes:
        row: ordinal of the data row in its file, from 1 (the header is no data row).
        recipient: MSISDN, digits only, country code first, such as ``"4512345678"``.
        text: what the recipient reads.
        sender: alphanumeric sender or number; empty for the backend's default.
        klass: message class, ``"standard"`` unless the file says otherwise.
        userref: the client's own reference, given back with the outcome.
        encoding: ``"gsm7"`` or ``"ucs2"``, on the air.
        parts: number of SMS it takes, at least 1.
        due: not to be sent before, in seconds since the epoch; 0 for at once.
        until: not to be sent after, but cancelled; in seconds since the epoch, 0 for the account's validity.
    """

    row: int
    recipient: str
    text: str
    sender: str = ""
    klass: str = "standard"
    userref: str = ""
    encoding: str = "gsm7"
    parts: int = 1
    due: float = 0
    until: float = 0
