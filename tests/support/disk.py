"""A small disk for tests, to be filled and emptied again; who may not mount one has the test skipped."""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from attrs import frozen

KIB, MIB = 1024, 1024 * 1024


@frozen
class Disk:
    """A mounted disk.

    Attributes:
        folder: where it is mounted.
        inodes: how many files it has room for; 0 for more than matter.
    """

    folder: Path
    inodes: int

    @classmethod
    @contextlib.contextmanager
    def mounted(cls, folder: Path, size: int, inodes: int = 0, owner: str = "") -> "Iterator[Self]":
        """Mount a disk of ``size`` bytes in a new folder, which belongs to ``owner`` if one is named."""
        folder.mkdir()
        options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
        if owner and os.geteuid() == 0:
            options += f",mode=0700,uid={pwd.getpwnam(owner).pw_uid}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        made = subprocess.run(mount, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
        try:
            yield cls(folder, inodes)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Leave room for no byte and no file more."""
        self._filler.mkdir(exist_ok=True)
        with (self._filler / "bytes").open("ab", buffering=0) as file:
            for data in map(os.urandom, (MIB, 4 * KIB, 1)):
                while _had_room(partial(file.write, data)):
                    pass
        number = 0
        while self.inodes and _had_room((self._filler / f"empty-{number}").touch):
            number += 1

    def free(self) -> None:
        """Give back what ``fill`` has taken."""
        shutil.rmtree(self._filler)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Keep it full for a while."""
        self.fill()
        yield
        self.free()


def _had_room(step: Callable[[], object]) -> bool:
    try:
        step()
    except OSError:
        return False
    return True
