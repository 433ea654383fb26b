"""What a client sees of a file or folder, and of what there is room for."""

from attrs import frozen

from smsfs.names import MAX_NAME
from smsfs.states import FileState


@frozen
class Entry:
    """A file or folder as a client sees it.

    ``size`` is in bytes, ``mtime`` in seconds since the epoch. One that is ``unsure`` may grow at any moment.
    """

    name: str
    is_folder: bool
    size: int
    mode: int
    mtime: float
    inode: int
    state: FileState | None = None
    unsure: bool = False


@frozen
class Usage:
    """What an account uses, and may use."""

    files: int
    max_files: int
    bytes: int
    max_bytes: int
    max_name: int = MAX_NAME
