"""A model of one account's folder, in plain dictionaries, to hold a real filesystem against.

It knows the rules of the dialect ``gatewayapi`` a second time, in the simplest words: which request is
refused with which errno, and what the folder holds after one that is not. A state machine drives both.
"""

import errno
import os
from typing import Any

from attrs import define, field

from smsfs.states import FileState

ALIAS_SECONDS = 60
DAY_BEGINS = 1_699_920_000  # 2023-11-14, UTC
GIVEN_BY_THE_SERVER = (".processing", ".success", ".rejected")


@define(eq=False)
class ModelFile:
    """What a file should be.

    Attributes:
        mtime: as listed.
        data: the client's bytes, as they are now.
        noted: how many there were when it was last complete or cut.
        state: as listed.
        cut: the number of the last open before it was cut off; 0 when it is whole.
        tail: how many bytes of causes it shows.
        gone: it was removed or replaced.
        writers: those who have it open for writing.
    """

    mtime: float
    data: bytes = b""
    noted: int = 0
    state: FileState = FileState.DRAFT
    cut: int = 0
    tail: int = 0
    gone: bool = False
    writers: list["ModelHandle"] = field(factory=list)

    @property
    def size(self) -> int:
        """What a listing shows."""
        measured = self.state is FileState.DRAFT and (self.writers or self.cut)
        return (len(self.data) if measured else self.noted) + self.tail

    @property
    def mode(self) -> int:
        """What a listing shows."""
        return 0o644 if self.state is FileState.DRAFT else 0o444


@define(eq=False)
class ModelHandle:
    """A file open for writing: by which process (its ``dead`` tells whether it runs), as the how-manieth.

    ``lost_to`` is the file that another began anew in its place.
    """

    process: Any
    file: ModelFile
    real: Any
    number: int
    dirty: bool = False
    mtime: float | None = None
    lost_to: ModelFile | None = None


@define(eq=False)
class ModelBatch:
    """A submission that was told OK."""

    file: ModelFile
    stem: str
    at: int
    data: bytes
    accepted: bool | None = None


class FolderModel:
    """The folder, its clock, and who has what open."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_700_000_000.0
        self.files: dict[str, ModelFile] = {}
        self.aliases: dict[str, tuple[ModelFile, float]] = {}
        self.batches: list[ModelBatch] = []
        self.pending: list[ModelBatch] = []
        self.opens = 0
        self.left: list[ModelFile] = []

    def known(self, name: str) -> ModelFile | None:
        """The file a name stands for, aliases among them."""
        if name in self.files or name not in self.aliases:
            return self.files.get(name)
        file, until = self.aliases[name]
        answers = not file.gone and file.state is not FileState.DRAFT and until > self.now
        return file if answers else None

    def forget(self, name: str) -> None:
        """A file is gone; those who have it open do not notice."""
        self.files.pop(name).gone = True

    def settled(self) -> None:
        """The files that dead processes had open are cut."""
        for file in self.files.values():
            dead = [handle for handle in file.writers if handle.process.dead]
            file.writers = [handle for handle in file.writers if not handle.process.dead]
            file.cut = self.opens if dead else file.cut

    def opened(self, process: Any, name: str, real: Any, *, truncates: bool) -> ModelHandle:
        """A file is open for writing."""
        file = self.files.setdefault(name, ModelFile(self.now))
        if truncates and file.writers:
            self._begun_anew(file)
        self.opens += 1
        handle = ModelHandle(process, file, real, self.opens)
        file.writers.append(handle)
        if truncates:
            file.data, handle.dirty = b"", True
        return handle

    def _begun_anew(self, file: ModelFile) -> None:
        """Those who had it open go on with bytes that no name leads to."""
        lost = ModelFile(file.mtime, file.data, gone=True)
        self.left.append(lost)
        for handle in file.writers:
            handle.file, handle.lost_to = lost, file
        file.writers, file.cut, file.noted, file.mtime = [], 0, 0, self.now

    def ended(self, handle: ModelHandle, *, complete: bool) -> None:
        """An upload was closed, or cut off."""
        file = handle.file
        if handle not in file.writers:
            self.left = [left for left in self.left if left is not file]
            return
        file.writers.remove(handle)
        file.noted = len(file.data)
        if not complete:
            file.cut = self.opens
        elif handle.dirty and handle.number > file.cut:
            file.cut = 0
        if handle.mtime is not None or handle.dirty:
            file.mtime = self.now if handle.mtime is None else handle.mtime

    def renamed(self, old: str, new: str) -> None:
        """A file has its new name, and is submitted if that says so."""
        if new in self.files:
            self.forget(new)
        file = self.files[old]
        if new.endswith(".ready"):
            self._submitted(file, old, new)
        else:
            file.state, file.tail = FileState.DRAFT, 0
            self.files[new] = self.files.pop(old)

    def _submitted(self, file: ModelFile, old: str, new: str) -> None:
        batch = ModelBatch(file, new.removesuffix(".ready"), int(self.now), file.data)
        states = (FileState.PROCESSING, FileState.SUCCESS, FileState.REJECTED)
        while any(stamped(batch, state) in self.files for state in states):
            batch.at += 1
        del self.files[old]
        file.state, file.tail = FileState.PROCESSING, 0
        self.files[stamped(batch, file.state)] = file
        self.aliases[new] = (file, self.now + ALIAS_SECONDS)
        self.batches.append(batch)
        self.pending.append(batch)

    # -- what is refused ------------------------------------------------------------------------------

    def creating(self, name: str) -> int | None:
        """The errno with which a client may not create a file of this name."""
        if "/" in name:
            return errno.ENOENT
        return errno.EACCES if name.endswith((".ready", *GIVEN_BY_THE_SERVER)) else None

    def opening(self, name: str, flags: int) -> int | None:
        """The errno of an open to write."""
        if "/" in name:
            return errno.ENOENT
        file = self.files.get(name)
        if file is None:
            return self.creating(name) if flags & os.O_CREAT else errno.ENOENT
        if flags & os.O_CREAT and flags & os.O_EXCL:
            return errno.EEXIST
        return None if file.state is FileState.DRAFT else errno.EACCES

    def renaming(self, old: str, new: str, *, replace: bool) -> int | None:
        """The errno of a rename."""
        file = self.files.get(old)
        if "/" in new or file is None:
            return errno.ENOENT
        if old == new:
            return None
        if file.state not in (FileState.DRAFT, FileState.REJECTED) or new == ".ready":
            return errno.EACCES
        return submitting(file) if new.endswith(".ready") else self._replacing(new, replace=replace)

    def _replacing(self, new: str, *, replace: bool) -> int | None:
        there = self.files.get(new)
        if self.creating(new) or (there and there.state is not FileState.DRAFT):
            return errno.EACCES
        return errno.EEXIST if there and not replace else None

    def removing(self, name: str) -> int | None:
        """The errno of a removal."""
        file = self.files.get(name)
        if file is None:
            return errno.ENOENT
        return errno.EACCES if file.state is FileState.PROCESSING else None

    def chmodding(self, name: str, mode: int) -> int | None:
        """The errno of a change of mode."""
        file = self.known(name)
        if file is None:
            return errno.ENOENT
        lenient = file.writers or name not in self.files
        return None if lenient or file.mode == mode & 0o777 else errno.EPERM


def submitting(file: ModelFile) -> int | None:
    """The errno of a submission."""
    if any(not handle.process.dead for handle in file.writers):
        return errno.EBUSY
    if file.cut or file.writers:
        return errno.EACCES
    return None if file.noted else errno.EINVAL


def stamped(batch: ModelBatch, state: FileState) -> str:
    """The name of a submitted file, with the time of submission in UTC; for two days in November 2023."""
    day, second = divmod(batch.at - DAY_BEGINS, 86_400)
    assert day in (0, 1)
    time = f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
    return f"{batch.stem}.202311{14 + day}T{time}.{state}"
