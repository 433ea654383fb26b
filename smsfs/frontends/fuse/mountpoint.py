"""Where a mount can go."""

import errno
import shlex
import stat
from pathlib import Path

from smsfs.errors import ConfigurationError


def check_mountpoint(folder: Path) -> None:
    """Check that something can be mounted there.

    Raises:
        ConfigurationError: it cannot; says why, and what to do.
    """
    name = shlex.quote(str(folder))
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            fault = f"The mount point {name} is not a folder; give an empty folder."
        elif folder.is_mount():
            fault = f"Something is mounted on {name} already; unmount it with: fusermount3 -u {name}"
        elif any(folder.iterdir()):
            fault = f"The mount point {name} is not empty; give an empty folder."
        else:
            return
    except OSError as error:
        fault = _unusable(name, error)
    raise ConfigurationError(fault)


def _unusable(name: str, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return f"The mount point {name} does not exist; make it with: mkdir -p {name}"
        case errno.ENOTCONN:
            return (
                f"The process that had mounted {name} has died; clear its mount with: fusermount3 -uz {name}"
            )
        case _:
            return f"The mount point {name} cannot be used: {error.strerror}."
