"""Tables, archives, documents, numbers and texts, damaged at random."""

import io
import json
import random
import struct
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smsfs.dialects import Refused, Sheet, Submission, Upload
from smsfs.dialects.registry import dialect
from smsfs.dialects.settings import settings_of
from smsfs.errors import Cause, Ignored, Unreadable
from smsfs.sms import local, plans
from smsfs.sms.message import Message
from smsfs.sms.numbers import is_msisdn, msisdn
from smsfs.sms.text import TextRules, cost

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 11, 22, 9, 45, tzinfo=UTC)
#: What stands in real files where nobody expects it.
ODD = [
    *("", " ", "\t", ";", ",", '"', '""', "'", "\\", "\r", "\n", "\r\n", "\0", "\x1a", "\x1b[2J", "\ufeff"),
    *("sep=;", "#smsfs rejected: ", "45", "+45", "4.5E+09", "\u200b", "\u2212", "\uff14", "\u202e", "\xa0"),
    *("{{", "}}", "{{ name }}", "@@value1@@", "null", "1e999", "[", "]", "{", "}", "\ud800", "\U0001f600"),
]
TABLES = [
    'msisdn,message,sender\n4512345678,Hello,Me\n4512345679,"Hi, there",\n',
    "msisdn;message\n4512345678;Hej\n",
]
SPOOL = (
    "To: 491721234567\nTo: 4510000001\nAlphabet: UTF-8\nValidity: 10 min\nFlash: no\n\nHello \u00e9,\n\nbye\n"
)
BULK = 'msisdn,sender,routing_group,message\n"4477123123","John","2","I \\"am\\"."\n4477123124,,,Hi\n'
CAMPAIGN = "api_id:x\nfrom:Me\ntext:Hi\ntext:there\nto:27999900001\nto:27999900002\nvalidity:5\nunicode:0\n"
LEADS = "phone,name,day\n32476123456,Jan,2026-12-24\n+32 477 12 34 56,Ann,\n"
DOCUMENT = "version: 7\n" + json.dumps(
    {
        "name": "List",
        "message_template": "Hi @@value1@@",
        "contacts": [{"msisdn": "27821234567", "values": {"value1": "Jo"}}, {"msisdn": "0821234567"}],
    }
)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """The bytes after some small accidents."""
    out = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(out) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            out[place : place + chance.randrange(1, 9)] = b""
        elif kind == 1:
            out[place:place] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 2:
            out[place:place] = chance.choice(ODD).encode("utf-8", "surrogatepass")
        elif kind == 3 and out:
            out[place % len(out)] ^= 1 << chance.randrange(8)
        else:
            end = chance.randrange(len(out) + 1)
            out[place:place] = out[min(place, end) : max(place, end)][:500]
    return bytes(out)


def read(name: str, data: bytes, stem: str, flags: tuple[str, ...] = (), **settings: Any) -> list[object]:
    """The rows of a file by the rules of a dialect, the cause that ended the reading among them."""
    rules = dialect(name)
    rows: list[object] = []
    given = settings_of(rules, settings)
    try:
        rows += rules.read(Upload(io.BytesIO(data), len(data), Submission(stem, flags), given, AT))
    except (Unreadable, Ignored) as exc:
        rows.append(exc.cause)
    for row in rows:
        _check(row)
    return rows


def _check(row: object) -> None:
    """Whatever comes of a file is a message that can be sent, or a cause that can be shown."""
    assert isinstance(row, (Message, Refused, Cause, Sheet))
    if isinstance(row, Cause):
        assert str(row)
    if isinstance(row, Message):
        assert is_msisdn(row.recipient)
        assert row.parts >= 1
        assert row.text


def tables(chance: random.Random) -> None:
    """A table of the dialect gatewayapi."""
    codec = chance.choice(["utf-8", "cp1252", "utf-16", "utf-8-sig", "utf-32-be"])
    data = damaged(chance, chance.choice(TABLES).encode(codec))
    read("gatewayapi", data, "x", chance.choice([(), ("excel",), ("utf8",), ("cp1252",)]))


def leads(chance: random.Random) -> None:
    """A table of the dialect naxai."""
    template = chance.choice(["Hi {{ name }}", "{{ name | upcase }} {{ day | date: '%d' }}"])
    country = chance.choice(["", "BE", "US"])
    read("naxai", damaged(chance, LEADS.encode()), "x.csv", template=template, country=country)


def spools(chance: random.Random) -> None:
    """A spool file of the dialect smstools."""
    texts = [SPOOL.encode(), b"To: 491721234567\nAlphabet: UCS\n\n" + "Hej \u00e9".encode("utf-16-be")]
    unknown, country = chance.choice(["ignore", "reject"]), chance.choice(["", "DE"])
    data = damaged(chance, chance.choice(texts))
    read("smstools", data, "x", from_header="sender", unknown_headers=unknown, country=country)


def campaigns(chance: random.Random) -> None:
    """A table of the dialect bulksms, and a file of the dialect clickatell."""
    codec = chance.choice(["utf-8", "cp1252", "utf-16"])
    read("bulksms", damaged(chance, BULK.encode(codec)), "x")
    read("clickatell", damaged(chance, CAMPAIGN.encode(codec)), "x")


def documents(chance: random.Random) -> None:
    """A document of the dialect smsportal, alone or in an archive."""
    data = damaged(chance, DOCUMENT.encode()) if chance.random() < 0.5 else DOCUMENT.encode()
    read("smsportal", data, "x.json")
    read("smsportal", damaged(chance, _packed(chance, data)), "x.zip")


def _packed(chance: random.Random, data: bytes) -> bytes:
    out = io.BytesIO()
    out.write(chance.choice([b"", b"MZ" * 9]))
    with zipfile.ZipFile(out, "a", chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])) as archive:
        for name in ("a.json", "b.txt")[: chance.randrange(1, 3)]:
            archive.writestr(name, data)
        archive.comment = chance.choice([b"", b"comment"])
    return out.getvalue()


def numbers(chance: random.Random) -> None:
    """A cell that may be a number."""
    digits = list(str(chance.randrange(10 ** chance.randrange(1, 17))))
    for _ in range(chance.randrange(6)):
        digits.insert(chance.randrange(len(digits) + 1), chance.choice([*ODD, chr(chance.randrange(0xD800))]))
    readers: list[Callable[[str], str]] = [msisdn, plans.international, local.reader(""), local.reader("BE")]
    for one in readers:
        try:
            found = one("".join(digits))
        except ValueError as error:
            assert str(error)  # noqa: PT017 - either is right
        else:
            assert is_msisdn(found)


def texts(chance: random.Random) -> None:
    """A text of any characters."""
    text = "".join(chr(chance.choice([chance.randrange(0x250), chance.randrange(0xD800)])) for _ in range(90))
    sent = TextRules("drop", chance.choice(["off", "gsm"])).read(text)
    found = cost(sent)
    assert found is None or found.without <= found.parts


def packets(chance: random.Random) -> None:
    """Requests of an SFTP session, damaged or made up."""
    from tests.support.fuzz.sftp import session  # noqa: PLC0415 - it needs a store, the others do not

    requests = [struct.pack(">BI", 1, 3)]
    for _ in range(chance.randrange(1, 12)):
        body = struct.pack(">I", chance.choice([1, 5, 2**32 - 1])) + chance.randbytes(chance.randrange(40))
        names = b"".join(
            struct.pack(">I", len(name)) + name
            for name in (chance.choice(ODD).encode("utf-8", "surrogatepass"), b"a.csv", b"1")
        )
        requests.append(
            bytes([chance.randrange(1, 21)]) + struct.pack(">I", 7) + chance.choice([body, names + body])
        )
    session(requests)
