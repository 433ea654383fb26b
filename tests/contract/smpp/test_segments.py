"""Parts are counted as an independent implementation counts them: sms-segments-calculator, fetched by npm."""

import json
import random
import subprocess
from pathlib import Path

from smsfs.sms import gsm
from smsfs.sms.segments import count, split

PROGRAM = Path(__file__).with_name("segments.js")
TEXTS = 10_000
ENCODINGS = {"GSM-7": "gsm7", "UCS-2": "ucs2"}

BASIC = [character for character in gsm.BASIC if ord(character) != gsm.ESCAPE]
EXTENSION = [*"^{}\\[~]|€\f"]
#: With a combining accent, zero-width joiners and spaces, regional indicators and a skin tone.
OTHERS = [*"яж日本語éñ😀👍\U0001f3fd👩\u200d👧🇩🇰\u0301\u200b"]
PLANES = [
    chr(code) for code in (*range(0x20, 0xD800, 7), *range(0xE000, 0x10000, 7), *range(0x1F300, 0x1F700))
]
ALPHABETS = [
    BASIC,
    [*BASIC, *EXTENSION],
    [*"ab", *EXTENSION],
    [*BASIC, *OTHERS],
    OTHERS,
    [*"日本語я"],
    [*"😀a"],
    PLANES,
]
#: Around the limits of one part and of two, and anywhere.
LENGTHS = [(0, 20), (60, 80), (130, 170), (300, 330), (0, 1000)]


def texts(seed):
    """Random texts, the same each time."""
    choice = random.Random(seed)  # noqa: S311 - the same texts each time, and no secrets
    for _ in range(TEXTS):
        alphabet, (shortest, longest) = choice.choice(ALPHABETS), choice.choice(LENGTHS)
        yield "".join(choice.choices(alphabet, k=choice.randint(shortest, longest)))


def theirs(modules, drawn):
    """What the other implementation says of each text."""
    lines = "".join(json.dumps(text) + "\n" for text in drawn)
    done = subprocess.run(
        ["node", PROGRAM],
        input=lines,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        env={"NODE_PATH": str(modules)},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_parts_agree(modules):
    """A client would pay for more SMS than it was told, or its text leave in another alphabet.

    The other implementation never parts what is one character to a reader (a zero-width joiner and what it
    joins, a letter and its accent, the two letters of a flag), and may need a part more for it; carriers ask
    for no more than whole surrogate pairs. Of texts with such characters only this much is compared.
    """
    drawn = list(texts(20260901))
    compared = 0
    for text, (encoding, parts, joined) in zip(drawn, theirs(modules, drawn), strict=True):
        ours = count(text)
        assert ours[0] == ENCODINGS[encoding], text
        assert len(split(text)[1]) == ours[1], text
        assert ours[1] <= parts if joined else ours[1] == parts, text
        compared += not joined
    assert compared > TEXTS / 2
