"""Receipts and message ids as different carriers write them."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from smsfs.backends.smpp.constants import RECEIPT, Tag
from smsfs.backends.smpp.pdu import DeliverSm, SubmitSm, Tlvs
from smsfs.backends.smpp.receipt import STATES

_NUMBERS = {word: number for number, word in STATES.items()}

#: How ids are written -> number to the id in the answer, and the one in the receipt.
ID_BASES: dict[str, Callable[[int], tuple[str, str]]] = {
    "dec": lambda number: (str(number), str(number)),
    "hex": lambda number: (f"{number:x}", f"{number:x}"),
    "hex-dec": lambda number: (f"{number:x}", str(number)),
    "dec-hex": lambda number: (str(number), f"{number:X}"),
    "case": lambda number: (f"{number:x}", f"{number:X}"),
    "zeros": lambda number: (f"{number:020d}", str(number)),
    "uuid": lambda number: (str(uuid.UUID(int=number)), str(uuid.UUID(int=number)).upper()),
}


class Delivery(Struct, frozen=True, gc=False):
    """What a receipt says.

    Attributes:
        submit: the message.
        id: as the receipt is to write it.
        stat: ``"DELIVRD"`` or ``"UNDELIV"``.
        submitted: when the message came.
        done: when it was delivered.
    """

    submit: SubmitSm
    id: str
    stat: str
    submitted: datetime
    done: datetime

    @property
    def error(self) -> str:
        """The carrier's code; 1 (unknown subscriber) stands for what could not be delivered."""
        return "000" if self.stat == "DELIVRD" else "001"

    @property
    def count(self) -> str:
        """How many were delivered, of one."""
        return "001" if self.stat == "DELIVRD" else "000"

    def text(self) -> str:
        """The beginning of the message."""
        return self.submit.short_message[:20].decode("latin-1")


Format = Callable[[Delivery], tuple[str, Tlvs]]


@lru_cache(maxsize=64)  # all receipts of a second have one
def _minute(at: datetime) -> str:
    return f"{at:%y%m%d%H%M}"


def _standard(d: Delivery) -> tuple[str, Tlvs]:
    return (
        f"id:{d.id} sub:001 dlvrd:{d.count} submit date:{_minute(d.submitted)} "
        f"done date:{_minute(d.done)} stat:{d.stat} err:{d.error} Text:{d.text()}"
    ), ()


def _seconds(d: Delivery) -> tuple[str, Tlvs]:
    return (
        f"id:{d.id} sub:001 dlvrd:{d.count} submit date:{d.submitted:%y%m%d%H%M%S} "
        f"done date:{d.done:%y%m%d%H%M%S} stat:{d.stat} err:{d.error} text:{d.text()}"
    ), ()


def _reordered(d: Delivery) -> tuple[str, Tlvs]:
    return f"stat:{d.stat} err:{d.error} done date:{d.done:%y%m%d%H%M} id:{d.id} sub:001", ()


def _short(d: Delivery) -> tuple[str, Tlvs]:
    return f"id:{d.id} stat:{d.stat}", ()


def _letters(d: Delivery) -> tuple[str, Tlvs]:
    error = "E0A" if d.stat == "UNDELIV" else "0"
    return f"ID:{d.id} DONE_DATE:{d.done:%Y%m%d%H%M%S} STAT:{d.stat.lower()} ERR:{error} TEXT:", ()


def _tlvs(d: Delivery) -> tuple[str, Tlvs]:
    return "", (
        (Tag.RECEIPTED_MESSAGE_ID, d.id.encode() + b"\0"),
        (Tag.MESSAGE_STATE, bytes((_NUMBERS[d.stat],))),
        (Tag.NETWORK_ERROR_CODE, b"\x03" + int(d.error).to_bytes(2)),
    )


def _both(d: Delivery) -> tuple[str, Tlvs]:
    return _standard(d)[0], _tlvs(d)[1]


def _payload(d: Delivery) -> tuple[str, Tlvs]:
    return "", ((Tag.MESSAGE_PAYLOAD, _standard(d)[0].encode("latin-1")),)


#: How receipts are written: the specification's way, and others that vendors took.
FORMATS: dict[str, Format] = {
    "standard": _standard,
    "seconds": _seconds,
    "reordered": _reordered,
    "short": _short,
    "letters": _letters,
    "tlvs": _tlvs,
    "both": _both,
    "payload": _payload,
}


def write(delivery: Delivery, name: str) -> DeliverSm:
    """The receipt in one of :data:`FORMATS`; its sequence number is still to be given."""
    submit = delivery.submit
    text, tlvs = FORMATS[name](delivery)
    return DeliverSm(
        sequence=0,
        source_addr=submit.destination_addr,
        source_addr_ton=submit.dest_addr_ton,
        source_addr_npi=submit.dest_addr_npi,
        destination_addr=submit.source_addr,
        dest_addr_ton=submit.source_addr_ton,
        dest_addr_npi=submit.source_addr_npi,
        esm_class=RECEIPT,
        short_message=text.encode("latin-1"),
        tlvs=tlvs,
    )
