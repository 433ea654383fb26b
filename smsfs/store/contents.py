"""The bytes of files: the interface that every engine implements."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from typing import Protocol

from smsfs.errors import StoreConflict, StoreDamaged, StoreUnavailable
from smsfs.store.files import File


class ContentWriter(Protocol):
    """The bytes of a draft, open for writing."""

    def write(self, offset: int, data: bytes) -> int:
        """Write ``data`` at ``offset``; a gap reads as zeros."""

    def append(self, data: bytes) -> int:
        """Write ``data`` behind the last byte there is, whoever wrote that."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``."""

    def truncate(self, size: int) -> None:
        """Cut or extend to ``size`` bytes."""

    def size(self) -> int:
        """How many bytes there are."""

    def sync(self) -> None:
        """Bring everything written to stable storage."""

    def close(self) -> None:
        """Let go, without bringing anything to stable storage."""


def fill(writer: ContentWriter, blocks: Iterable[bytes]) -> int:
    """Write blocks one after the other, bring them to stable storage, and let go; how many bytes they are."""
    size = 0
    try:
        for block in blocks:
            size += writer.write(size, block)
        writer.sync()
    finally:
        writer.close()
    return size


def written(contents: "Contents", data: bytes) -> str:
    """A new content with these bytes, on stable storage; its name."""
    content = contents.create()
    with kept_if_shown(contents, lambda: [content]):
        fill(contents.open_write(content), [data])
    return content


@contextmanager
def kept_if_shown(contents: "Contents", made: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Delete what was ``made`` if the block that writes and shows it fails.

    Not if the store went away: the commit may have happened all the same. What is nobody's, the sweep of
    orphans takes.
    """
    try:
        yield
    except StoreConflict:  # it was undone in whole
        contents.delete(made())
        raise
    except (StoreUnavailable, StoreDamaged):
        raise
    except BaseException:
        contents.delete(made())
        raise


class Contents(Protocol):
    """The bytes of files, by an opaque name."""

    def create(self) -> str:
        """A new empty content; durable with the first ``sync`` of a writer of it."""

    def open_write(self, content: str, writer: int | None = None, *, new: bool = False) -> ContentWriter:
        """Open for reading and writing.

        Args:
            content: its name.
            writer: as from ``FileChange.add_writer``. Where a process can outlive its term, nothing is
                written once this is gone: ``NotAllowed``, or in silence if the content is gone too.
            new: it has just been created, and is empty.
        """

    def open_read(self, content: str) -> RawIOBase:
        """Open for reading, seekable and unbuffered: a draft may be changing."""

    def read(self, content: str, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; none beyond the end."""

    def size(self, content: str) -> int:
        """How many bytes there are."""

    def delete(self, contents: Iterable[str]) -> None:
        """Remove; missing ones are passed over."""

    def orphans(self, older_than: float) -> list[str]:
        """Contents that no file has and that were last changed before ``older_than``."""

    def missing(self) -> list[File]:
        """Files whose content is not there."""
