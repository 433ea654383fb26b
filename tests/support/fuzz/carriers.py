"""Receipts and replies as carriers might write them, well and badly, against what reads and stores them."""

import random
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field
from msgspec.structs import replace
from structlog.testing import capture_logs

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.smpp import words
from smsfs.backends.smpp.constants import UDHI, Tag
from smsfs.backends.smpp.decoder import Decoder
from smsfs.backends.smpp.delivered import delivered
from smsfs.backends.smpp.header import LOCKING_SHIFT, SINGLE_SHIFT
from smsfs.backends.smpp.pdu import DataSm, DeliverSm, SmppError
from smsfs.backends.smpp.receipt import normal_id
from smsfs.pipeline.dispatch import arrivals
from smsfs.sms import gsm
from smsfs.sms.alphabets import LANGUAGES, alphabet
from smsfs.store.sqlite import SqliteStore

SENDER, RECIPIENT = "4512345678", "1204"
CODECS = ("ascii", "latin-1", "utf-16-be", "utf-16-le", "gsm", "packed")
ID_CHARACTERS = "0123456789abcdefABCDEF-_xyz"
EVENTS = {"delivered": "delivered", "undelivered": "undelivered", "expired": "receipt_expired"}
BATCH = 200
#: Of one case: enough for a batch.
STEPS = 80

Pdu = DeliverSm | DataSm


class Found(Exception):
    """What was made of a PDU is wrong; the text says what, and gives the PDU."""


@define
class Fuzz:
    """Makes PDUs and judges what comes of them.

    Args:
        seed: the same PDUs again for the same seed.
    """

    seed: int
    made: int = 0
    _choice: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the seed."""
        self._choice = random.Random(self.seed)  # noqa: S311 - the same each time, and no secrets

    # -- receipts -------------------------------------------------------------------------------------

    def receipt(self) -> tuple[Pdu, str, str]:
        """A receipt with its mark, and the id and the event that it gives."""
        choice = self._choice
        message_id = "".join(choice.choices(ID_CHARACTERS, k=choice.randint(1, 40)))
        word = choice.choice(
            [*words.STATES.values(), *sorted(words.ON_THE_WAY), "BLCKLST", "NOROUTE", "E-404"]
        )
        outcome = words.outcome(word)
        tlvs = []
        if choice.random() < 0.3:
            tlvs.append((Tag.RECEIPTED_MESSAGE_ID, choice.choice([b"", b"\0", message_id.encode() + b"\0"])))
        if choice.random() < 0.3:  # it says nothing, or the same
            numbers = {name: number for number, name in words.STATES.items()}
            tlvs.append((Tag.MESSAGE_STATE, bytes([numbers.get(word, 0)]) if choice.random() < 0.5 else b""))
        pdu = self._carried(self._octets(self._written(message_id, word)), tuple(tlvs), 4)
        return pdu, message_id, EVENTS.get(outcome or "", "passing")

    def _written(self, message_id: str, word: str) -> str:
        choice = self._choice
        spellings = [word, word.lower(), *(also for also, of in words.SPELLINGS.items() if of == word)]
        spellings += [str(number) for number, name in words.STATES.items() if name == word]
        fields = [f"id:{message_id}", f"stat:{choice.choice(spellings)}"]
        others = [
            "sub:001",
            "dlvrd:000",
            "submit date:2609011230",
            "done date:260901123105",
            "err:E0A",
            "err:",
        ]
        fields += choice.sample(others, choice.randint(0, len(others)))
        choice.shuffle(fields)
        text = choice.choice([" ", ", ", "\n", "  "]).join(fields)
        return text.upper().replace(message_id.upper(), message_id) if choice.random() < 0.2 else text

    def _octets(self, text: str) -> tuple[bytes, int]:
        choice = self._choice
        codec = choice.choice(CODECS)
        if codec == "packed":
            data = packed(gsm.encode(text))
        else:
            text += choice.choice(["", " Text:", " text:Hej æø", " Text:id:1 stat:REJECTD"])
            text = text.encode("ascii", "ignore").decode() if codec == "ascii" else text
            data = gsm.encode(text) if codec == "gsm" else text.encode(codec)
        return data, choice.choice([0, 1, 3, 4, 8, 0x18, 0xF0, choice.randrange(256)])

    def _carried(self, octets: tuple[bytes, int], tlvs: tuple[tuple[int, bytes], ...], esm_class: int) -> Pdu:
        """As short_message or as payload, of either command."""
        (data, coding), choice = octets, self._choice
        addresses = SENDER, RECIPIENT
        if len(data) > 250 or choice.random() < 0.2:
            whole = (*tlvs, (Tag.MESSAGE_PAYLOAD, data))
            if choice.random() < 0.5:
                return DataSm(1, *addresses, b"", coding, esm_class, tlvs=whole)
            return DeliverSm(1, *addresses, b"", coding, esm_class, tlvs=whole)
        return DeliverSm(1, *addresses, data, coding, esm_class, tlvs=tlvs)

    # -- replies --------------------------------------------------------------------------------------

    def reply(self) -> tuple[Pdu, str]:
        """A reply, and what it says."""
        choice = self._choice
        if choice.random() < 0.3:
            text = "".join(choice.choices("Ja, tak 日本語 я😀é", k=choice.randint(1, 60)))
            codec, mark = choice.choice([("utf-16-be", ""), ("utf-16-be", "\ufeff"), ("utf-16-le", "\ufeff")])
            return self._carried(
                ((mark + text).encode(codec), choice.choice([8, 0x18, 0x4B, 0xE5])), (), 0
            ), text
        locking, single = (choice.choice([0, *LANGUAGES]) for _ in range(2))
        tables = alphabet(locking, single)
        text = "".join(choice.choices(sorted(tables.codes), k=choice.randint(3, 120))) + "."
        named = b"".join(
            bytes((kind, 1, number))
            for kind, number in ((LOCKING_SHIFT, locking), (SINGLE_SHIFT, single))
            if number
        )
        header = bytes((len(named),)) + named if named else b""
        data = header + tables.encode(text) if "." in tables.codes else b""
        coding = choice.choice([0, 0x0C, 0x10, 0x42, 0x91, 0xC0, 0xD8, 0xF1])
        return self._carried((data, coding), (), UDHI if header else 0), text

    # -- judgement ------------------------------------------------------------------------------------

    def step(self) -> list[Delivered]:
        """One receipt and one reply, each as it is and then damaged; what was made of them.

        Raises:
            Found: it is not what they say.
        """
        pdu, message_id, event = self.receipt()
        told = delivered(pdu, "text")
        expected = normal_id(message_id), event, SENDER
        if not isinstance(told, Receipt) or (told.id, told.event, told.recipient) != expected:
            raise Found(f"{told} is made of a receipt that says {expected}: {pdu}")
        reply, text = self.reply()
        read = delivered(reply, "text")
        if not isinstance(read, ReplyPart) or read.text != text:
            raise Found(f"{read} is made of a reply that says {text!r}: {reply}")
        self.made += 4
        return [told, read, *self._damaged(pdu), *self._damaged(reply)]

    def _damaged(self, pdu: Pdu) -> list[Delivered]:
        """What is made of a PDU some of whose octets came otherwise, in pieces."""
        choice = self._choice
        data = bytearray(replace(pdu, esm_class=choice.choice([pdu.esm_class, 0, 8, 0x40, 0x44])).encode())
        for _ in range(choice.randint(0, 6)):
            data[choice.randrange(16, len(data))] = choice.randrange(256)
        decoder, found = Decoder(), list[Delivered]()
        cut = choice.randrange(len(data))
        for got in [*decoder.feed(bytes(data[:cut])), *decoder.feed(bytes(data[cut:]))]:
            if isinstance(got, DeliverSm | DataSm):
                found.append(storable(delivered(got, choice.choice(["text", "decimal", "hexadecimal"])), got))
            elif not isinstance(got, SmppError):
                raise Found(f"{got} is made of {bytes(data).hex()}")
        return found


def storable(item: Delivered, pdu: Pdu) -> Delivered:
    """What came of a PDU, unless a store would refuse it.

    Raises:
        Found: it would.
    """
    if isinstance(item, ReplyPart):
        item.text.encode("utf-16-be", "surrogatepass")
        texts = item.text + item.sender + item.recipient
        odd = not 1 <= item.part <= item.total
    else:
        texts = item.id + item.code + item.reason + item.recipient + item.other
        texts.encode()
        odd = item.event not in {"", "passing", *EVENTS.values()}
    if odd or "\0" in texts:
        raise Found(f"{item} is made of {pdu}")
    return item


def packed(septets: bytes) -> bytes:
    """Septets as a radio network has them, eight in seven octets."""
    bits = sum(septet << 7 * place for place, septet in enumerate(septets))
    return bits.to_bytes((7 * len(septets) + 7) // 8, "little")


def lost(store: SqliteStore, database: Path, items: Sequence[Delivered]) -> int:
    """Store what came; how much of it is neither stored nor known to have come before."""
    with sqlite3.connect(database) as connection:
        before = _stored(connection)
        again = arrivals.Arrivals(store).take("fuzz", items).again
        return len(items) - (_stored(connection) - before) - len(again)


def _stored(connection: sqlite3.Connection) -> int:
    tables = ("receipt", "reply_part", "outcome")
    return sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)  # noqa: S608 - names of ours


def run(seed: int, steps: int) -> int:
    """Try for so many steps; how many PDUs were tried.

    Raises:
        Found: something is wrong.
    """
    fuzz, items = Fuzz(seed), list[Delivered]()
    with (
        tempfile.TemporaryDirectory() as folder,
        capture_logs(),
    ):  # what arrives is logged, and most of it is odd
        database = Path(folder) / "smsfs.db"
        store = SqliteStore(database)
        try:
            for _ in range(steps):
                items += fuzz.step()
                if len(items) >= BATCH:
                    missing, items = lost(store, database, items), []
                    if missing:
                        raise Found(f"{missing} of {BATCH} receipts and replies are lost; seed {seed}")
        finally:
            store.close()
    return fuzz.made


def deliveries(chance: random.Random) -> None:
    """Receipts and replies of an SMSC, as they are and damaged; none is misread or lost."""
    run(chance.getrandbits(48), STEPS)
