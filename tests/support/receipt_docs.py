"""The page docs/receipts.md, written from what reads receipts and replies."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from smsfs.backends.smpp import words
from smsfs.backends.smpp.coding import BINARY, COMPRESSED, alphabet
from smsfs.sms.alphabets import LANGUAGES
from smsfs.sms.segments import GSM7, UCS2
from tests.support.docs import markdown

PAGE = Path(__file__).parents[2] / "docs" / "receipts.md"

ALPHABETS = {
    GSM7: "GSM 7 bit, with the national tables that its header names; packed septets are unpacked",
    UCS2: "UCS-2, big endian unless a byte order mark says otherwise",
    BINARY: "binary: shown as hexadecimal digits",
    COMPRESSED: "compressed: shown as hexadecimal digits, and said to be so",
    "latin1": "ISO 8859-1",
    "ascii": "ASCII",
    "shift_jis": "JIS, as Shift JIS",
    "iso8859-5": "ISO 8859-5, Cyrillic",
    "iso8859-8": "ISO 8859-8, Hebrew",
    "iso2022_jp": "ISO-2022-JP",
    "euc_jp": "Extended Kanji JIS, as EUC-JP",
    "euc_kr": "KS C 5601, as EUC-KR",
}
NAMES = {
    "tr": "Turkish",
    "es": "Spanish",
    "pt": "Portuguese",
    "bn": "Bengali",
    "gu": "Gujarati",
    "hi": "Hindi",
    "kn": "Kannada",
    "ml": "Malayalam",
    "or": "Oriya",
    "pa": "Punjabi",
    "ta": "Tamil",
    "te": "Telugu",
    "ur": "Urdu",
}

RECEIPTS = """\
# Receipts and replies

Written by `python -m tests.support.receipt_docs` from what reads them. A test fails when this page and the
code differ.

## Receipts over SMPP

A `deliver_sm` or `data_sm` is a receipt when

- its `esm_class` says so (0x04, or 0x20 for one attempt of several), or
- it has the parameter `receipted_message_id`, and a state, or no text, or
- its text has an `id:` that the carrier gave to one of our messages, and a `stat:`. While messages have no
  answer yet, such a text waits for up to a minute, since an answer may bring its id. Any other text is a
  person's reply, even if it contains `id:`.

Its content is combined from its parameters and its text; where both say something, the more specific counts:

"""
READING = """\
The text is read in the coding that `data_coding` names, and as ASCII, Latin-1, GSM 7 bit (also packed) and
UCS-2 of either byte order; the reading that yields an id and the most fields counts. Times are `YYMMDDhhmm`,
`YYMMDDhhmmss`, `YYYYMMDDhhmm`, `YYYYMMDDhhmmss`, all read as UTC, or SMPP's `YYMMDDhhmmsstnnp` with its
offset from UTC.

"""
PLACES = [
    (
        "id",
        "`receipted_message_id`, `id:`",
        "the parameter, unless it is empty; but the text's, if only that is one of ours",
    ),
    (
        "state",
        "`message_state`, `stat:` in words or as the number of `message_state`",
        "a final one before `UNKNOWN`, `UNKNOWN` before one that is on its way; then the parameter",
    ),
    ("state, if there is neither", "`sub:`, `dlvrd:`", "delivered, if the second is not less than the first"),
    ("code", "`network_error_code`, `err:`", "the parameter, unless it is 0"),
    ("time", "`done date:`", ""),
]
SPELT = """\
Any other word ends the message as `undelivered`, with that word as its `reason`. Case, `_` and `-` do not
matter. A receipt for one attempt of several (0x20) that is not `DELIVRD` counts as on its way.

"""
REPLIES = """\
## Replies

`data_coding` is read as in 3GPP TS 23.038, section 4, except for the codings to which SMPP 3.4 gives a
meaning of its own:

"""
PADDING = """\
In GSM 7 bit, text with octets over 0x7F is read as packed septets if that yields a text, otherwise as
Windows-1252. NULs at the end are dropped, and so is the last packed septet if it is 0 and fills the last
octet: in that alphabet it would be `@`. A byte order mark in one part of a long reply applies to the parts
after it.

A reply is a stop word when its letters and digits are one of the account's `stop_words`: case, spaces,
punctuation, emoji and invisible characters do not count, nor does the dot on a Turkish i.

### National tables

These are the tables of 3GPP TS 23.038, Annex A: a header names them by number, with the elements 0x25
(locking shift) and 0x24 (single shift). Replies may always use them.

Outgoing texts use them if a backend's `languages` names some, such as `["tr", "es"]`: a text that the GSM
alphabet cannot hold uses the tables that make it shortest, if that takes fewer SMS than UCS-2. One SMS then
has 155 septets, and each of several 149; with tables of both kinds, 152 and 146. Phones of the last fifteen
years support them; ask the carrier whether it passes headers on. `smsfs check` counts what the account's
backend would send.

"""


def page() -> str:
    """The page docs/receipts.md."""
    return "".join(
        [
            RECEIPTS,
            markdown(("what", "from", "if there are two"), PLACES),
            "\n",
            READING,
            markdown(("word", "number", "also written", "the message is"), list(_states())),
            "\n",
            SPELT,
            REPLIES,
            markdown(("`data_coding`", "is read as"), list(_codings())),
            "\n",
            PADDING,
            markdown(("number", "`languages`", "language", "tables"), list(_tables())),
        ]
    )


def _states() -> Iterator[tuple[str, ...]]:
    known = [*words.STATES.values(), *sorted(words.ON_THE_WAY - {*words.STATES.values()})]
    numbers = {word: str(number) for number, word in words.STATES.items()}
    for word in known:
        also = [spelling for spelling, of in words.SPELLINGS.items() if of == word]
        yield f"`{word}`", numbers.get(word, ""), ", ".join(also), words.outcome(word) or "on its way"


def _codings() -> Iterator[tuple[str, ...]]:
    for found, group in groupby(range(256), alphabet):
        first, *rest = group
        last = rest[-1] if rest else first
        shown = f"0x{first:02X}" if first == last else f"0x{first:02X} to 0x{last:02X}"
        yield shown, ALPHABETS[found]


def _tables() -> Iterator[tuple[str, ...]]:
    for language in LANGUAGES.values():
        kinds = "locking and single shift" if language.locking else "single shift"
        yield str(language.number), f"`{language.code}`", NAMES[language.code], kinds


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
