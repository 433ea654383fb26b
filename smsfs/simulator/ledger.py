"""What the simulator took: messages put together from their parts, in memory and in a file."""

from pathlib import Path
from typing import BinaryIO

import msgspec

from smsfs.backends.smpp.header import tables
from smsfs.backends.smpp.pdu import SubmitSm
from smsfs.backends.smpp.text import Fragment, alphabet, decode


class Received(msgspec.Struct, gc=False):
    """One message; a line of the ledger.

    Attributes:
        source: its sender.
        destination: its recipient.
        text: what the recipient would read.
        data_coding: of its first part.
        parts: how many PDUs it came in, each counted once.
        ids: those given to its parts, in their order.
        first: when the first part came, seconds since the epoch.
        last: the same of the last part.
        complete: whether all parts are there.
        system_id: who sent it.
    """

    source: str
    destination: str
    text: str
    data_coding: int
    parts: int
    ids: list[str]
    first: float
    last: float
    complete: bool = True
    system_id: str = ""


class _Arrived(msgspec.Struct):
    pdu: SubmitSm
    data: bytes
    id: str
    at: float


class Ledger:
    """Takes parts and keeps messages.

    Args:
        path: the file that gets a line for each message; None for none.
        keep: whether messages stay in memory as well.
        default: the alphabet of ``data_coding`` 0.
    """

    def __init__(self, path: Path | None, default: str = "gsm7", *, keep: bool = True) -> None:
        self.messages: list[Received] = []
        self._keep = keep
        self._default = default
        self._file: BinaryIO | None = path.open("ab") if path else None
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._waiting: dict[tuple[str, str, str, int, int], dict[int, _Arrived]] = {}

    def add(
        self,
        system_id: str,
        pdu: SubmitSm,
        fragment: Fragment | None,
        data: bytes,
        message_id: str,
        now: float,
    ) -> None:
        """Take one part, or a message of one part.

        A part that comes again before its message is complete, as from a client that does not know what
        became of the first, starts the message again: the earlier parts are kept as an incomplete one.
        """
        if fragment is None:
            text = self._text(pdu, data)
            place = pdu.source_addr, pdu.destination_addr, text, pdu.data_coding
            self._received(Received(*place, 1, [message_id], now, now, True, system_id))
            return
        arrived = _Arrived(pdu, data, message_id, now)
        key = (system_id, pdu.source_addr, pdu.destination_addr, fragment.reference, fragment.total)
        parts = self._waiting.setdefault(key, {})
        if fragment.sequence in parts:
            self._message(list(parts.values()), system_id, complete=False)
            parts.clear()
        parts[fragment.sequence] = arrived
        if len(parts) == fragment.total:
            del self._waiting[key]
            self._message([part for _, part in sorted(parts.items())], system_id)

    def flush(self) -> None:
        """Write the lines; a reader sees them now."""
        if self._file and self._lines:
            self._file.write(b"".join(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write down what is incomplete, too."""
        for key, parts in self._waiting.items():
            self._message(list(parts.values()), key[0], complete=False)
        self._waiting.clear()
        self.flush()
        if self._file:
            self._file.close()

    def _message(self, parts: list[_Arrived], system_id: str, *, complete: bool = True) -> None:
        pdu = parts[0].pdu
        times = [part.at for part in parts]
        text = self._text(pdu, b"".join([part.data for part in parts]))
        place = pdu.source_addr, pdu.destination_addr, text, pdu.data_coding
        ids = [part.id for part in parts]
        self._received(Received(*place, len(parts), ids, min(times), max(times), complete, system_id))

    def _text(self, pdu: SubmitSm, data: bytes) -> str:
        return decode(data, alphabet(pdu.data_coding, self._default), tables(pdu))

    def _received(self, received: Received) -> None:
        if self._keep:
            self.messages.append(received)
        if self._file:
            self._lines.append(self._line(received))

    def _line(self, received: Received) -> bytes:
        try:
            return self._encode(received) + b"\n"
        except UnicodeEncodeError:  # half a surrogate pair, which JSON cannot hold
            received.text = received.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return self._encode(received) + b"\n"
