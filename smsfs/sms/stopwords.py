"""Replies by which a person asks for no more messages."""

import re
import unicodedata
from collections.abc import Iterable

#: Letters, marks and digits, by Unicode's categories; all else does not count.
_COUNTED = frozenset("LMN")
#: Invisible letters and marks (Default_Ignorable_Code_Point), and what encloses others.
_unseen = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u20dd-\u20e0\u20e2-\u20e4\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
#: Turkish writes its two letters i with and without a dot: one more or less makes no other word.
_undotted = str.maketrans({"\u0307": "", "\u0131": "i"})


def bare(text: str) -> str:
    """A text without punctuation, blanks, case and invisible characters, for comparison."""
    folded = unicodedata.normalize("NFKD", _unseen.sub("", text)).casefold().translate(_undotted)
    kept = "".join([character for character in folded if unicodedata.category(character)[0] in _COUNTED])
    return unicodedata.normalize("NFC", kept)


def is_stop_word(text: str, words: Iterable[str]) -> bool:
    """Whether a reply is one of the words, and nothing else."""
    found = bare(text)
    return bool(found) and found in map(bare, words)
