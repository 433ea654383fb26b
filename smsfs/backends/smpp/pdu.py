"""The PDUs of SMPP 3.4 as records, and their bytes (specification 3.4 of 1999, section 4).

Strings are Latin-1 on the wire, so that whatever a carrier sends is kept. A ``sequence`` joins a request to
its response. Limits of fields are checked when a PDU is encoded; :mod:`.decoder` takes what others send.
"""

import struct
from typing import ClassVar

from msgspec import Struct

from smsfs.backends.smpp.constants import VERSION, Command, Status, Tag

HEADER = struct.Struct(">IIII")
MAX_SHORT_MESSAGE = 254

_NO_OCTET = "A number of one octet is not in 0 to 255."

Tlvs = tuple[tuple[int, bytes], ...]

#: The fields of a message in their order; one format is twice as fast as joining them.
_SHORT_MESSAGE = b"%b%c%c%b%c%c%b%c%c%c%b%b%c%c%c%c%c%b%b"
_tlv_header = struct.Struct(">HH").pack


class SmppError(Exception):
    """A PDU that breaks the protocol.

    Args:
        sentence: what is wrong with it.
        status: the ``command_status`` that answers it.
        command: its ``command_id``, 0 if that could not be read.
        sequence: its sequence number, 0 if that could not be read.
        fatal: where the next PDU starts is not known either; the link is of no more use.
    """

    def __init__(
        self, sentence: str, status: int, command: int = 0, sequence: int = 0, *, fatal: bool = False
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.command = command
        self.sequence = sequence
        self.fatal = fatal


class Pdu(Struct, frozen=True, gc=False):
    """What all PDUs have in common."""

    command: ClassVar[int]
    sequence: int

    def encode(self) -> bytes:
        """Its bytes; a PDU that is its header alone needs no more than this.

        Raises:
            SmppError: a field is over its limit; ``status`` says which.
        """
        return frame(self.command, 0, self.sequence, b"")


class EnquireLink(Pdu, frozen=True, gc=False):
    """Are you there?"""

    command: ClassVar[int] = Command.ENQUIRE_LINK


class Unbind(Pdu, frozen=True, gc=False):
    """No more is coming."""

    command: ClassVar[int] = Command.UNBIND


class Response(Pdu, frozen=True, gc=False):
    """A response with nothing but its status."""

    status: int = Status.ROK

    def encode(self) -> bytes:
        """Its bytes."""
        return frame(self.command, self.status, self.sequence, b"")


class EnquireLinkResp(Response, frozen=True, gc=False):
    """I am."""

    command: ClassVar[int] = Command.ENQUIRE_LINK_RESP


class UnbindResp(Response, frozen=True, gc=False):
    """Good bye."""

    command: ClassVar[int] = Command.UNBIND_RESP


class GenericNack(Response, frozen=True, gc=False):
    """The answer to what could not be read or is not known."""

    command: ClassVar[int] = Command.GENERIC_NACK


class Raw(Pdu, frozen=True, gc=False):
    """A PDU of a command that is not known here, kept as it came."""

    command_id: int
    status: int = 0
    body: bytes = b""

    def encode(self) -> bytes:
        """Its bytes."""
        return frame(self.command_id, self.status, self.sequence, self.body)


class Outbind(Pdu, frozen=True, gc=False):
    """The carrier asks for a bind."""

    command: ClassVar[int] = Command.OUTBIND
    system_id: str = ""
    password: str = ""

    def encode(self) -> bytes:
        """Its bytes."""
        body = c_octets(self.system_id, 16, Status.RINVSYSID) + c_octets(self.password, 9, Status.RINVPASWD)
        return frame(self.command, 0, self.sequence, body)


class Bind(Pdu, frozen=True, gc=False):
    """The login; its three kinds say which way messages may go."""

    system_id: str = ""
    password: str = ""
    system_type: str = ""
    interface_version: int = VERSION
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def encode(self) -> bytes:
        """Its bytes."""
        body = (
            c_octets(self.system_id, 16, Status.RINVSYSID)
            + c_octets(self.password, 9, Status.RINVPASWD)
            + c_octets(self.system_type, 13, Status.RINVSYSTYP)
            + octets(self.interface_version, self.addr_ton, self.addr_npi)
            + c_octets(self.address_range, 41, Status.RBINDFAIL)
        )
        return frame(self.command, 0, self.sequence, body)


class BindReceiver(Bind, frozen=True, gc=False):
    """Messages come to the client only."""

    command: ClassVar[int] = Command.BIND_RECEIVER


class BindTransmitter(Bind, frozen=True, gc=False):
    """Messages go from the client only."""

    command: ClassVar[int] = Command.BIND_TRANSMITTER


class BindTransceiver(Bind, frozen=True, gc=False):
    """Messages go both ways."""

    command: ClassVar[int] = Command.BIND_TRANSCEIVER


class BindResp(Pdu, frozen=True, gc=False):
    """The answer to a login."""

    status: int = Status.ROK
    system_id: str = ""
    tlvs: Tlvs = ()

    def encode(self) -> bytes:
        """Its bytes."""
        body = c_octets(self.system_id, 16, Status.RINVSYSID) + encode_tlvs(self.tlvs)
        return frame(self.command, self.status, self.sequence, body)


class BindReceiverResp(BindResp, frozen=True, gc=False):
    """The answer to :class:`BindReceiver`."""

    command: ClassVar[int] = Command.BIND_RECEIVER_RESP


class BindTransmitterResp(BindResp, frozen=True, gc=False):
    """The answer to :class:`BindTransmitter`."""

    command: ClassVar[int] = Command.BIND_TRANSMITTER_RESP


class BindTransceiverResp(BindResp, frozen=True, gc=False):
    """The answer to :class:`BindTransceiver`."""

    command: ClassVar[int] = Command.BIND_TRANSCEIVER_RESP


class ShortMessage(Pdu, frozen=True, gc=False):
    """A message on its way, in either direction; named as in section 4.4.1.

    ``short_message`` holds up to 254 octets; ``sm_length`` follows from it.
    """

    source_addr: str = ""
    destination_addr: str = ""
    short_message: bytes = b""
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 0
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    tlvs: Tlvs = ()
    service_type: str = ""
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    replace_if_present_flag: int = 0
    sm_default_msg_id: int = 0

    def encode(self) -> bytes:
        """Its bytes."""
        message = self.short_message
        if len(message) > MAX_SHORT_MESSAGE:
            raise SmppError("A short_message has at most 254 octets.", Status.RINVMSGLEN)
        try:
            body = _SHORT_MESSAGE % (
                c_octets(self.service_type, 6, Status.RINVSERTYP),
                self.source_addr_ton,
                self.source_addr_npi,
                c_octets(self.source_addr, 21, Status.RINVSRCADR),
                self.dest_addr_ton,
                self.dest_addr_npi,
                c_octets(self.destination_addr, 21, Status.RINVDSTADR),
                self.esm_class,
                self.protocol_id,
                self.priority_flag,
                c_octets(self.schedule_delivery_time, 17, Status.RINVSCHED),
                c_octets(self.validity_period, 17, Status.RINVEXPIRY),
                self.registered_delivery,
                self.replace_if_present_flag,
                self.data_coding,
                self.sm_default_msg_id,
                len(message),
                message,
                encode_tlvs(self.tlvs) if self.tlvs else b"",
            )
        except OverflowError as exc:
            raise SmppError(_NO_OCTET, Status.RSYSERR) from exc
        return frame(self.command, 0, self.sequence, body)

    @property
    def body(self) -> bytes:
        """What it carries, with a user data header if it has one: ``short_message``, or else the payload."""
        return self.short_message or self.tlv(Tag.MESSAGE_PAYLOAD) or b""

    def tlv(self, tag: int) -> bytes | None:
        """The value of the first optional parameter of that tag; None if there is none."""
        for found, value in self.tlvs:
            if found == tag:
                return value
        return None


class SubmitSm(ShortMessage, frozen=True, gc=False):
    """A message from the client to the carrier."""

    command: ClassVar[int] = Command.SUBMIT_SM


class DeliverSm(ShortMessage, frozen=True, gc=False):
    """A message, or a receipt, from the carrier to the client."""

    command: ClassVar[int] = Command.DELIVER_SM


class DataSm(ShortMessage, frozen=True, gc=False):
    """A message in either direction whose text is in ``message_payload`` (section 4.7.1).

    Of the fields it has those up to ``dest_addr_npi``, ``tlvs`` and ``service_type``; no ``short_message``.
    """

    command: ClassVar[int] = Command.DATA_SM

    def encode(self) -> bytes:
        """Its bytes."""
        body = (
            c_octets(self.service_type, 6, Status.RINVSERTYP)
            + octets(self.source_addr_ton, self.source_addr_npi)
            + c_octets(self.source_addr, 65, Status.RINVSRCADR)
            + octets(self.dest_addr_ton, self.dest_addr_npi)
            + c_octets(self.destination_addr, 65, Status.RINVDSTADR)
            + octets(self.esm_class, self.registered_delivery, self.data_coding)
            + encode_tlvs(self.tlvs)
        )
        return frame(self.command, 0, self.sequence, body)


class MessageResp(Pdu, frozen=True, gc=False):
    """The answer to a message; ``message_id`` is empty when ``status`` is not 0."""

    status: int = Status.ROK
    message_id: str = ""
    tlvs: Tlvs = ()

    def encode(self) -> bytes:
        """Its bytes."""
        body = c_octets(self.message_id, 65, Status.RINVMSGID) if self.message_id else b"\0"
        if self.tlvs:
            body += encode_tlvs(self.tlvs)
        return frame(self.command, self.status, self.sequence, body)


class SubmitSmResp(MessageResp, frozen=True, gc=False):
    """The carrier's answer; ``message_id`` is its name for the message from now on."""

    command: ClassVar[int] = Command.SUBMIT_SM_RESP


class DeliverSmResp(MessageResp, frozen=True, gc=False):
    """The client's answer; ``message_id`` is not used."""

    command: ClassVar[int] = Command.DELIVER_SM_RESP


class DataSmResp(MessageResp, frozen=True, gc=False):
    """The answer to a data_sm."""

    command: ClassVar[int] = Command.DATA_SM_RESP


#: Class of a bind -> class of its answer.
BIND_RESPONSES: dict[type[Bind], type[BindResp]] = {
    BindReceiver: BindReceiverResp,
    BindTransmitter: BindTransmitterResp,
    BindTransceiver: BindTransceiverResp,
}


def frame(command: int, status: int, sequence: int, body: bytes) -> bytes:
    """Header and body.

    Raises:
        SmppError: a number of the header does not fit 32 bits.
    """
    try:
        return HEADER.pack(16 + len(body), command, status, sequence) + body
    except struct.error as exc:
        raise SmppError("A number of the header is not in 0 to 4294967295.", Status.RSYSERR) from exc


def c_octets(text: str, limit: int, status: int) -> bytes:
    """A string with the NUL that ends it.

    Raises:
        SmppError: with its NUL it has more than ``limit`` octets, or it cannot be written.
    """
    if not text:
        return b"\0"
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise SmppError(f"{text!r} is not Latin-1.", status) from exc
    if len(data) >= limit or 0 in data:
        raise SmppError(f"{text!r} has over {limit - 1} characters or a NUL.", status)
    return data + b"\0"


def octets(*values: int) -> bytes:
    """Numbers of one octet each.

    Raises:
        SmppError: one is not in 0 to 255.
    """
    try:
        return bytes(values)
    except ValueError as exc:
        raise SmppError(_NO_OCTET, Status.RSYSERR) from exc


def encode_tlvs(tlvs: Tlvs) -> bytes:
    """Optional parameters, in their order.

    Raises:
        SmppError: a tag does not fit 16 bits, or a value has over 65,535 octets.
    """
    try:
        return b"".join([_tlv_header(tag, len(value)) + value for tag, value in tlvs])
    except struct.error as exc:
        raise SmppError("An optional parameter is too long.", Status.RINVPARLEN) from exc
