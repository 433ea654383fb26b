"""Who gets into a mount, and what they may do there.

Without ``allow_other`` the kernel lets in the user who mounts and nobody else, not even root. With it, it
lets in everybody, and holds each to the mode and the owner that are shown (``default_permissions``).
"""

import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from smsfs.errors import ConfigurationError

if TYPE_CHECKING:
    from smsfs.filesystem import Entry

Attributes = dict[str, int]

CONFIGURATION = Path("/etc/fuse.conf")
_OWNER = 0o700


@frozen
class Access:
    """Whose the files of a mount are, and who may do what with them.

    Attributes:
        allow_other: let in every user of this host, each with the rights that the modes give.
        uid: the owner that is shown; by default the user who mounts.
        gid: the group that is shown, in the same way.
        umask: the bits that no mode has; otherwise group and others may do what the owner may.
        read_only: nothing can be changed.
    """

    allow_other: bool = False
    uid: int = field(factory=os.getuid)
    gid: int = field(factory=os.getgid)
    umask: int = 0o022
    read_only: bool = False

    def mode(self, own: int) -> int:
        """The permission bits that are shown, from those that a file or folder has for its owner."""
        bits = own & _OWNER
        return (bits | bits >> 3 | bits >> 6) & ~self.umask

    def attributes(self, entry: "Entry") -> Attributes:
        """What stat(2) shows of a file or folder, times in nanoseconds."""
        kind, links = (stat.S_IFDIR, 2) if entry.is_folder else (stat.S_IFREG, 1)
        modified = round(entry.mtime * 1e9)
        times = {"st_atime": modified, "st_mtime": modified, "st_ctime": modified}
        sizes = {"st_size": entry.size, "st_blocks": -(-entry.size // 512)}
        owner = {"st_uid": self.uid, "st_gid": self.gid}
        mode = {"st_mode": kind | self.mode(entry.mode), "st_ino": entry.inode, "st_nlink": links}
        return mode | sizes | owner | times

    def options(self) -> dict[str, bool]:
        """For libfuse; the kernel looks at modes itself only where others than the owner may come."""
        enforced = self.allow_other or (self.uid, self.gid) != (os.getuid(), os.getgid())
        return {"allow_other": self.allow_other, "default_permissions": enforced, "ro": self.read_only}

    def check(self, configuration: Path = CONFIGURATION) -> None:
        """Check that this user may let others in.

        Raises:
            ConfigurationError: the host's administrator does not allow it.
        """
        if self.allow_other and os.geteuid() != 0 and not _is_allowed(configuration):
            raise ConfigurationError(
                f"--allow-other is for root, unless {configuration} has a line that says user_allow_other: "
                "ask the administrator of this host for it, mount as root, or mount without the option."
            )


def _is_allowed(configuration: Path) -> bool:
    """Whether libfuse would let a plain user do it; yes where only fusermount3 can know."""
    try:
        lines = configuration.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(line.partition("#")[0].strip() == "user_allow_other" for line in lines)


def user_id(text: str) -> int:
    """A user's id, from that or from the name.

    Raises:
        ValueError: this host has no such user.
    """
    return _id(text, "user", lambda: pwd.getpwnam(text).pw_uid)


def group_id(text: str) -> int:
    """A group's id, from that or from the name.

    Raises:
        ValueError: this host has no such group.
    """
    return _id(text, "group", lambda: grp.getgrnam(text).gr_gid)


def _id(text: str, kind: str, look_up: Callable[[], int]) -> int:
    if text.isascii() and text.isdecimal() and int(text) < 2**32 - 1:
        return int(text)
    try:
        return look_up()
    except (KeyError, ValueError):
        raise ValueError(f"this host has no {kind} {text!r}; give a name, or a number") from None


def umask_of(text: str) -> int:
    """The bits of an octal number such as 007.

    Raises:
        ValueError: it is not one.
    """
    if not text or set(text) - set("01234567") or int(text, 8) > 0o777:  # noqa: PLR2004 - all bits of a mode
        raise ValueError(f"{text!r} is no umask; write one in octal digits, such as 022 or 007")
    return int(text, 8)
