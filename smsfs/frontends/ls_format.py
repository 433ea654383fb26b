"""Lines as ``ls -l`` prints them: SFTP and FTP clients take names, sizes and dates out of them."""

import functools
import stat
import time

from smsfs.filesystem import Entry

_HALF_A_YEAR = 182 * 86400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def columns(entry: Entry, account: str, now: float) -> str:
    """What stands before the name, with the space that ends it; times are UTC.

    Args:
        entry: the file or folder.
        account: the owner's name, one word.
        now: seconds since the epoch; dates of the last half year show the hour, others the year.
    """
    date = _date(int(entry.mtime) // 60, recent=0 <= now - entry.mtime < _HALF_A_YEAR)
    return (
        f"{_type_and_mode(entry.mode, entry.is_folder)}    1 {account:<8} smsfs    {entry.size:>10} {date} "
    )


def one_word(name: str) -> str:
    """A name that cannot be taken for two columns."""
    return "_".join(name.split()) or "smsfs"


def full_mode(mode: int, is_folder: bool) -> int:  # noqa: FBT001 - an attribute of the entry, passed on
    """Permission bits with the bits of the type."""
    return mode | (stat.S_IFDIR if is_folder else stat.S_IFREG)


@functools.lru_cache(64)
def _type_and_mode(mode: int, is_folder: bool) -> str:  # noqa: FBT001 - an attribute of the entry
    return stat.filemode(full_mode(mode, is_folder))


@functools.lru_cache(4096)
def _date(minute: int, *, recent: bool) -> str:
    then = time.gmtime(minute * 60)
    day = f"{_MONTHS[then.tm_mon - 1]} {then.tm_mday:>2}"
    return f"{day} {then.tm_hour:02}:{then.tm_min:02}" if recent else f"{day} {then.tm_year:>5}"
