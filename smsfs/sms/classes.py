"""Message classes of GSM 03.38, section 4: where a phone is to show or keep a message."""

#: Shown at once, and not kept.
FLASH = "flash"
#: What a file may call a class -> its number: shown at once; kept by the phone, by its card, or by what is
#: connected to it. Every other word, such as ``"standard"``, is no message class but of a carrier's own.
CLASSES = {FLASH: 0, "0": 0, "1": 1, "2": 2, "3": 3}
ALL = frozenset(CLASSES.values())


def class_of(klass: str) -> int | None:
    """The number of a message class; None for what is none."""
    return CLASSES.get(klass)


def coding_of(number: int, *, ucs2: bool) -> int:
    """The data coding scheme of a class: of texts in UCS-2, or of others in GSM 7 bit."""
    return (0x18 if ucs2 else 0xF0) | number
