"""Files that survive a power cut: the only place that renames or syncs."""

import os
import threading
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to stable storage."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_entered(descriptor: int, folder: Path) -> None:
    """Bring a file's bytes, and the folder that it may be new in, to stable storage.

    Both at once: one after the other, they wait for the disk's journal twice. A thread for each time, since
    a pool of them would not survive a fork.
    """
    failed: list[BaseException] = []

    def sync() -> None:
        try:
            sync_folder(folder)
        except BaseException as exc:  # noqa: BLE001 - it is raised again, in the thread that waits
            failed.append(exc)

    beside = threading.Thread(target=sync, name="smsfs-sync")
    beside.start()
    try:
        os.fsync(descriptor)
    finally:
        beside.join()
    if failed:
        raise failed[0]


def make_folder(folder: Path) -> None:
    """Create a folder for our eyes only, and its parents, if they are not there."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _give(folder)
        sync_folder(folder.parent)


def make_file(path: Path) -> int:
    """Make a file for our eyes only, and open it for reading and writing; its descriptor.

    Raises:
        FileExistsError: it is there already, and was not touched.
        OSError: it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _give(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_fifo(path: Path) -> None:
    """Make a FIFO for our eyes only.

    Raises:
        OSError: it cannot be made.
    """
    os.mkfifo(path, 0o600)
    _give(path)


def _give(path: Path) -> None:
    """What root makes belongs to whom the folder belongs to: a service that is not root has to open it."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)
