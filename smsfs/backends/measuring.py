"""How many SMS a text takes, by the backend that it is to leave by."""

from collections.abc import Mapping
from operator import itemgetter
from typing import TypeVar

from attrs import frozen
from msgspec.structs import replace

from smsfs.backends.routing import Routes
from smsfs.sms import segments, shifts
from smsfs.sms.message import Message
from smsfs.sms.segments import UCS2

Item = TypeVar("Item")


@frozen
class Tongues:
    """The national tables that a backend may use.

    Attributes:
        languages: their numbers; none, if it uses none.
        reference_bits: the size of the reference number with which it joins parts, 8 or 16.
    """

    languages: tuple[int, ...] = ()
    reference_bits: int = 8


@frozen
class Measure:
    """Counts SMS.

    Attributes:
        routes: which backend sends to whom.
        tongues: by name of the backend; those that are missing use no national tables.
    """

    routes: Routes
    tongues: Mapping[str, Tongues]

    @property
    def matters(self) -> bool:
        """Whether it ever finds another number than :func:`smsfs.sms.segments.count`."""
        return any(self.tongues[name].languages for name in self.routes.names if name in self.tongues)

    def __call__(self, recipient: str, text: str) -> tuple[str, int]:
        """The encoding of a text, ``"gsm7"`` or ``"ucs2"``, and the number of its SMS.

        Where it may leave by one of several backends, by the one that takes most.
        """
        only = self.routes.only
        names = only[:1] if only else sorted(self.routes.first_for(recipient))
        return max((self._by(name, text) for name in names), key=itemgetter(1))

    def _by(self, name: str, text: str) -> tuple[str, int]:
        tongues = self.tongues.get(name)
        if tongues is None or not tongues.languages:
            return segments.count(text)
        return shifts.count(text, tongues.languages, tongues.reference_bits)

    def row(self, row: Item) -> Item | Message:
        """A row of a file, counted anew if it is a message in UCS-2."""
        if not isinstance(row, Message) or row.encoding != UCS2:
            return row
        encoding, parts = self(row.recipient, row.text)
        return replace(row, encoding=encoding, parts=parts)
