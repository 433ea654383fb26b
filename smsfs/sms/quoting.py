"""How a client's own data is shown in a sentence: short, on one line, without control characters."""


def escaped(text: str) -> str:
    r"""The text with everything unprintable written as an escape, such as ``\n`` or ``\x00``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str, limit: int = 40) -> str:
    """The text in quotes, escaped and cut to ``limit`` characters; three dots tell that it was cut."""
    shown = escaped(text[: limit + 1])
    if len(shown) > limit:
        shown = shown[: limit - 3] + "..."
    return f"'{shown}'" if '"' in shown else f'"{shown}"'
