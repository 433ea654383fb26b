"""Bytes to PDUs, in whatever pieces they come."""

import re
import struct
from collections.abc import Callable

from smsfs.backends.smpp.constants import Command, Status
from smsfs.backends.smpp.pdu import (
    HEADER,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    MessageResp,
    Outbind,
    Pdu,
    Raw,
    SmppError,
    SubmitSm,
    SubmitSmResp,
    Tlvs,
    Unbind,
    UnbindResp,
)

HEADER_LENGTH = 16
#: No PDU is longer: the longest payload (65,535 octets) and everything else that may go with it.
MAX_LENGTH = 64 * 1024 + 4096

_header = HEADER.unpack_from
_tlv_header = struct.Struct(">HH").unpack_from
#: Of a message up to its text: strings that end with a NUL, and octets. One match is faster than ten steps.
_fields = re.compile(
    rb"([^\0]*)\0(..)([^\0]*)\0(..)([^\0]*)\0(...)([^\0]*)\0([^\0]*)\0(.....)", re.DOTALL
).match

#: A submit_sm_resp: its sequence number, its status, and its message_id.
Answer = tuple[int, int, str]
_SUBMIT_SM_RESP = int(Command.SUBMIT_SM_RESP)

#: (data, start of the body, its end, status, sequence) -> PDU.
Parser = Callable[[bytes, int, int, int, int], Pdu]


class Decoder:
    """Bytes in, PDUs out; for one link.

    What cannot be read comes out as an :class:`SmppError`, in its place among the PDUs. After one that is
    ``fatal`` nothing more comes.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._needed = HEADER_LENGTH
        self._broken = False

    def feed(self, data: bytes, answers: list[Answer] | None = None) -> list[Pdu | SmppError]:
        """The PDUs that are complete now.

        Args:
            data: the bytes that came, any number of them.
            answers: takes each submit_sm_resp, in place of a record: a sender gets thousands a second.
        """
        if self._broken:
            return []
        if self._pending:
            self._pending += data
            if len(self._pending) < self._needed:
                return []
            data = bytes(self._pending)
            self._pending.clear()
        found: list[Pdu | SmppError] = []
        rest = self._parse(data, found, answers)
        if rest < len(data):
            self._pending += data[rest:]
        return found

    def _parse(self, data: bytes, found: list[Pdu | SmppError], answers: list[Answer] | None) -> int:
        """Append what is complete; the offset at which the incomplete rest starts."""
        start, size = 0, len(data)
        while size - start >= HEADER_LENGTH:
            length, command, status, sequence = _header(data, start)
            if not HEADER_LENGTH <= length <= MAX_LENGTH:
                self._broken = True
                found.append(_bad_length(length, command, sequence))
                return size
            end = start + length
            if end > size:
                self._needed = length
                return start
            if command == _SUBMIT_SM_RESP and answers is not None:
                answers.append((sequence, status, _id(data, start + HEADER_LENGTH, end)))
            else:
                found.append(_read(data, start + HEADER_LENGTH, end, command, status, sequence))
            start = end
        self._needed = HEADER_LENGTH
        return start


def decode(data: bytes) -> Pdu:
    """The PDU that these bytes are.

    Raises:
        SmppError: they are not one PDU.
    """
    if len(data) < HEADER_LENGTH:
        raise SmppError("A PDU has at least 16 octets.", Status.RINVCMDLEN, fatal=True)
    length, command, status, sequence = _header(data)
    if length != len(data) or length > MAX_LENGTH:
        raise _bad_length(length, command, sequence)
    return _pdu(data, HEADER_LENGTH, length, command, status, sequence)


def _bad_length(length: int, command: int, sequence: int) -> SmppError:
    return SmppError(
        f"A PDU's length is given as {length}.", Status.RINVCMDLEN, command, sequence, fatal=True
    )


def _read(data: bytes, start: int, end: int, command: int, status: int, sequence: int) -> Pdu | SmppError:
    try:
        return _pdu(data, start, end, command, status, sequence)
    except SmppError as exc:
        return exc


def _pdu(data: bytes, start: int, end: int, command: int, status: int, sequence: int) -> Pdu:
    parse = _PARSERS.get(command)
    if parse is None:
        return Raw(sequence, command, status, data[start:end])
    try:
        return parse(data, start, end, status, sequence)
    except SmppError as exc:
        exc.command, exc.sequence = command, sequence
        raise
    except (ValueError, IndexError) as exc:
        name = Command(command).name.lower()
        raise SmppError(f"A {name} ends too early.", Status.RINVCMDLEN, command, sequence) from exc


def _string(data: bytes, start: int, end: int) -> tuple[str, int]:
    """The string at an offset, and where what follows starts.

    Raises:
        ValueError: no NUL ends it.
    """
    stop = data.index(0, start, end)
    return data[start:stop].decode("latin-1"), stop + 1


def _octets(data: bytes, start: int, end: int, count: int) -> tuple[bytes, int]:
    if start + count > end:
        raise ValueError(start)
    return data[start : start + count], start + count


def _tlvs(data: bytes, start: int, end: int) -> Tlvs:
    """The optional parameters up to the end; fewer octets than one has at least are some carriers' padding.

    Raises:
        SmppError: the last one is cut short.
    """
    found: list[tuple[int, bytes]] = []
    while start + 4 <= end:
        tag, length = _tlv_header(data, start)
        start += 4 + length
        if start > end:
            raise SmppError("An optional parameter is cut short.", Status.RINVPARLEN)
        found.append((tag, data[start - length : start]))
    return tuple(found)


def _response(kind: type[MessageResp | BindResp]) -> Parser:
    """The parser of an answer with an id.

    Carriers leave out the whole body with an error, and some the NUL; others pad it, or write nonsense behind
    it. That is no reason to lose the answer: its message would be sent a second time.
    """

    def parse(data: bytes, start: int, end: int, status: int, sequence: int) -> Pdu:
        answer = _id(data, start, end)
        behind = start + len(answer) + 1
        if behind >= end:
            return kind(sequence, status, answer)
        try:
            return kind(sequence, status, answer, _tlvs(data, behind, end))
        except SmppError:
            return kind(sequence, status, answer)

    return parse


def _id(data: bytes, start: int, end: int) -> str:
    """The id at the beginning of an answer, up to its NUL or else the end."""
    stop = data.find(0, start, end)
    return data[start : end if stop < 0 else stop].decode("latin-1")


def _bind(kind: type[BindReceiver | BindTransmitter | BindTransceiver]) -> Parser:
    def parse(data: bytes, start: int, end: int, _status: int, sequence: int) -> Pdu:
        system_id, start = _string(data, start, end)
        password, start = _string(data, start, end)
        system_type, start = _string(data, start, end)
        (version, ton, npi), start = _octets(data, start, end, 3)
        address_range, start = _string(data, start, end)
        return kind(sequence, system_id, password, system_type, version, ton, npi, address_range)

    return parse


def _outbind(data: bytes, start: int, end: int, _status: int, sequence: int) -> Pdu:
    system_id, start = _string(data, start, end)
    password, _ = _string(data, start, end)
    return Outbind(sequence, system_id, password)


def _short_message(kind: type[SubmitSm | DeliverSm]) -> Parser:
    def parse(data: bytes, start: int, end: int, _status: int, sequence: int) -> Pdu:
        fields = _fields(data, start, end)
        if fields is None:
            raise ValueError(start)
        texts = b"\0".join(fields.group(1, 3, 5, 7, 8)).decode("latin-1")  # none has a NUL
        service_type, source, destination, schedule, validity = texts.split("\0")
        source_ton, source_npi, dest_ton, dest_npi, esm_class, protocol_id, priority = b"".join(
            fields.group(2, 4, 6)
        )
        registered, replace, data_coding, default, length = fields[9]
        message, start = _octets(data, fields.end(), end, length)
        return kind(
            sequence,
            source,
            destination,
            message,
            data_coding,
            esm_class,
            registered,
            source_ton,
            source_npi,
            dest_ton,
            dest_npi,
            _tlvs(data, start, end) if start < end else (),
            service_type,
            protocol_id,
            priority,
            schedule,
            validity,
            replace,
            default,
        )

    return parse


def _data_sm(data: bytes, start: int, end: int, _status: int, sequence: int) -> Pdu:
    service_type, start = _string(data, start, end)
    (source_ton, source_npi), start = _octets(data, start, end, 2)
    source, start = _string(data, start, end)
    (dest_ton, dest_npi), start = _octets(data, start, end, 2)
    destination, start = _string(data, start, end)
    (esm_class, registered, data_coding), start = _octets(data, start, end, 3)
    return DataSm(
        sequence,
        source,
        destination,
        b"",
        data_coding,
        esm_class,
        registered,
        source_ton,
        source_npi,
        dest_ton,
        dest_npi,
        _tlvs(data, start, end),
        service_type,
    )


_PARSERS: dict[int, Parser] = {
    Command.SUBMIT_SM: _short_message(SubmitSm),
    Command.DELIVER_SM: _short_message(DeliverSm),
    Command.DATA_SM: _data_sm,
    Command.SUBMIT_SM_RESP: _response(SubmitSmResp),
    Command.DELIVER_SM_RESP: _response(DeliverSmResp),
    Command.DATA_SM_RESP: _response(DataSmResp),
    Command.BIND_RECEIVER: _bind(BindReceiver),
    Command.BIND_TRANSMITTER: _bind(BindTransmitter),
    Command.BIND_TRANSCEIVER: _bind(BindTransceiver),
    Command.BIND_RECEIVER_RESP: _response(BindReceiverResp),
    Command.BIND_TRANSMITTER_RESP: _response(BindTransmitterResp),
    Command.BIND_TRANSCEIVER_RESP: _response(BindTransceiverResp),
    Command.OUTBIND: _outbind,
    Command.ENQUIRE_LINK: lambda _data, _start, _end, _status, sequence: EnquireLink(sequence),
    Command.ENQUIRE_LINK_RESP: lambda _d, _s, _e, status, sequence: EnquireLinkResp(sequence, status),
    Command.UNBIND: lambda _data, _start, _end, _status, sequence: Unbind(sequence),
    Command.UNBIND_RESP: lambda _d, _s, _e, status, sequence: UnbindResp(sequence, status),
    Command.GENERIC_NACK: lambda _d, _s, _e, status, sequence: GenericNack(sequence, status),
}
