"""Files that survive a power cut: the only place that renames or syncs."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to stable storage."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Beside:
    """A thread that syncs folders, while others sync files; once for all who asked before it began."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._asked: SimpleQueue[tuple[Path, list[BaseException], threading.Lock]] = SimpleQueue()
        threading.Thread(target=self._run, name="smsfs-sync", daemon=True).start()

    def sync(self, folder: Path) -> Callable[[], None]:
        """Have a folder synced; what to call to wait for it, and to meet what it failed with."""
        failed: list[BaseException] = []
        running = threading.Lock()
        running.acquire()
        self._asked.put((folder, failed, running))

        def wait() -> None:
            with running:
                if failed:
                    raise failed[0]

        return wait

    def _run(self) -> None:
        while True:
            asked = [self._asked.get()]
            while not self._asked.empty():
                asked.append(self._asked.get())
            for folder in {folder for folder, _, _ in asked}:
                told = [(failed, running) for other, failed, running in asked if other == folder]
                try:
                    sync_folder(folder)
                except BaseException as exc:  # noqa: BLE001 - it is raised again, in the threads that wait
                    for failed, _ in told:
                        failed.append(exc)
                for _, running in told:
                    running.release()


_beside: _Beside | None = None
_beginning = threading.Lock()


def _sync_beside(folder: Path) -> Callable[[], None]:
    """As ``_Beside.sync``, by the thread of this process: one from before a fork is the other process's."""
    global _beside  # noqa: PLW0603 -- a process has one
    if _beside is None or _beside.process != os.getpid():
        with _beginning:
            if _beside is None or _beside.process != os.getpid():
                _beside = _Beside()
    return _beside.sync(folder)


def sync_entered(descriptor: int, folder: Path) -> None:
    """Bring a file's bytes, and the folder that it may be new in, to stable storage.

    Both at once: one after the other, they wait for the disk's journal twice.
    """
    wait = _sync_beside(folder)
    try:
        os.fsync(descriptor)
    finally:
        wait()


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
