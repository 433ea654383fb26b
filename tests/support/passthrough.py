"""A mount that shows a folder as it is, as the examples of mfusepy do.

``python -m tests.support.passthrough FOLDER PLACE``: what a mount written in Python can do at best, for
the benchmarks.
"""

import os
import sys
from pathlib import Path
from typing import Any

from smsfs.frontends.fuse.binding import import_binding

SHOWN = ("st_gid", "st_mode", "st_nlink", "st_size", "st_uid")


def main(folder: str, place: str) -> None:
    """Mount it until it is unmounted."""
    binding = import_binding()

    class Passthrough(binding.Operations):  # type: ignore[misc,name-defined]  # the binding has no types
        """The callbacks that a listing needs."""

        use_ns = True

        def getattr(self, path: str, _number: int | None = None) -> dict[str, Any]:
            """What stat(2) shows."""
            found = os.lstat(folder + path)
            return {name: getattr(found, name) for name in SHOWN} | {"st_mtime": found.st_mtime_ns}

        def readdir(self, path: str, _number: int) -> list[str]:
            """The names of a folder."""
            return [".", "..", *(found.name for found in Path(folder + path).iterdir())]

    binding.FUSE(Passthrough(), place, foreground=True, nothreads=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
