"""The Python packages that know libfuse, and what they are to set there."""

import contextlib
import ctypes.util
import importlib
import os
from pathlib import Path
from typing import Any

from smsfs.errors import ConfigurationError

DEVICE = Path("/dev/fuse")
#: Bytes per write request; larger ones measured slower.
MAX_WRITE = 128 * 1024
#: Requests that nobody waits for, such as ``release``: past this number the kernel holds them back and lets
#: a later rename overtake them. Its own default is 12.
MAX_BACKGROUND = 4096

#: How long the kernel may answer by itself what it was told of a file. It asks for each name again, and is
#: told of the file along with that: only a file that a program has open may seem up to so much older.
ATTRIBUTE_SECONDS = 1


def import_binding() -> Any:
    """Mfusepy on libfuse 3 if it is there, otherwise what there is.

    mfusepy by itself would prefer libfuse 2 to libfuse 3; it looks at the environment when it is imported.

    Raises:
        ConfigurationError: a part of FUSE is missing.
    """
    if not DEVICE.exists():
        raise ConfigurationError(
            "This host has no /dev/fuse: load the kernel's module with `modprobe fuse`, or give the "
            "container --device /dev/fuse and --cap-add SYS_ADMIN."
        )
    if not any(name.startswith("FUSE_LIBRARY_") for name in os.environ) and ctypes.util.find_library("fuse3"):
        os.environ["FUSE_LIBRARY_NAME"] = "fuse3"
    for name in ("mfusepy", "fuse"):
        with contextlib.suppress(ModuleNotFoundError):
            return _import_with_library(name)
    raise ConfigurationError(
        "The Python package mfusepy is missing; install it with: pip install 'smsfs[fuse]'"
    )


def _import_with_library(name: str) -> Any:
    try:
        binding = importlib.import_module(name)
    except (OSError, AttributeError) as error:
        raise ConfigurationError(
            f"{name} finds no libfuse that it can use ({error}); install it with: apt install fuse3"
        ) from error
    if not hasattr(binding, "FUSE"):
        raise ConfigurationError(
            "The module fuse that is installed is not fusepy; install mfusepy with: pip install 'smsfs[fuse]'"
        )
    return binding


def fuse_type(binding: Any) -> Any:
    """The binding's FUSE class, made to hand on what mfusepy drops: rename's flags, truncate's handle."""

    class Fuse(binding.FUSE):  # type: ignore[misc]  # the binding has no types
        def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> Any:
            names = [name.decode(self.encoding, self.errors) for name in (old, new)]
            return self.operations.rename(*names, flags)

        def truncate_fuse_3(self, path: bytes | None, size: int, info: Any) -> Any:
            return self.ftruncate(path, size, info)

    return Fuse


def options(binding: Any) -> dict[str, Any]:
    """What every mount sets, by the names of the binding."""
    cached = {"entry_timeout": 0, "attr_timeout": ATTRIBUTE_SECONDS, "negative_timeout": 0}
    # hard_remove: a file deleted while open goes at once; else libfuse renames it to .fuse_hidden*, which
    # everybody sees, by a rename that not every state allows.
    names = {"hard_remove": True, "use_ino": True, "fsname": "smsfs", "subtype": "smsfs"}
    is_libfuse_2 = getattr(binding, "fuse_version_major", 2) == 2  # noqa: PLR2004 - libfuse 2
    libfuse_2 = {"big_writes": True, "max_write": MAX_WRITE, "max_background": MAX_BACKGROUND}
    version = libfuse_2 if is_libfuse_2 else {}
    return {"foreground": True, "nothreads": True} | cached | names | version
