"""Values of the configuration that can only be a mistake, refused with a clause that names the key."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import asdict

#: Ten years: what is longer was meant to be something else.
LONGEST = 315_360_000
MOST = 1_000_000_000
LAST_PORT = 65535

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def refuse_zeros(record: Any, but: Iterable[str] = ()) -> None:
    """Refuse 0 where it would not mean "no limit", but that nothing goes.

    Raises:
        ValueError: a clause that names the key.
    """
    for key, value in _numbers(record):
        if value == 0 and key not in but:
            raise ValueError(f"{key} is 0, and has to be more")


def refuse_absurd(record: Any, times: Iterable[str]) -> None:
    """Refuse times of more than ten years, and other numbers of more than a billion.

    Raises:
        ValueError: a clause that names the key.
    """
    times = set(times)
    for key, value in _numbers(record):
        if key in times and value > LONGEST:
            raise ValueError(f"{key} is {value:g} seconds, which is over ten years")
        if value > MOST:
            raise ValueError(f"{key} is {value}, and has to be {MOST} at most")


def _numbers(record: Any) -> Iterable[tuple[str, float]]:
    values = asdict(record, recurse=False).items()
    return [(key, value) for key, value in values if type(value) in (int, float)]


def refuse_port(key: str, port: int) -> None:
    """Refuse what is no port to connect to.

    Raises:
        ValueError: a clause that names the key.
    """
    if not 0 < port <= LAST_PORT:
        raise ValueError(f"{key} is {port}, and has to be from 1 to {LAST_PORT}")


def refuse_repeated(key: str, items: Sequence[str]) -> None:
    """Refuse a list that names something twice.

    Raises:
        ValueError: a clause that names the key.
    """
    twice = next((item for place, item in enumerate(items) if item in items[:place] and _counts(item)), None)
    if twice is not None:
        raise ValueError(f"{key} names {twice!r} twice")


def _counts(item: str) -> bool:
    """Port 0 is another free port each time."""
    return not item.endswith(":0")


def refuse_odd_text(key: str, text: str, what: str, *, blanks: bool = False) -> None:
    """Refuse an empty text, and one that no name or path is like.

    Raises:
        ValueError: a clause that names the key.
    """
    if not text.strip():
        raise ValueError(f"{key} is empty, and has to be {what}")
    if not text.isprintable() or (not blanks and " " in text):
        raise ValueError(f"{key} is {text!r}, and has to be {what}")


def networks(key: str, texts: Iterable[str]) -> list[Network]:
    """Addresses and networks of the configuration.

    Raises:
        ValueError: an entry is neither; a clause that names the key.
    """
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as exc:
            raise ValueError(
                f"{key}: {text!r} is neither an address, such as 192.0.2.11, nor a network, such as "
                "192.0.2.0/24 or 2001:db8::/32; behind the prefix all bits are 0"
            ) from exc
    return found
