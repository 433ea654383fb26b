"""The offsets by which the kernel reads folders."""

import pytest

from smsfs.frontends.fuse import folders
from smsfs.frontends.fuse.folders import KEPT, PAGE, open_folder

FILES = 1000


@pytest.fixture
def folder(memory):
    """An open folder of many files, and the names in it."""
    names = [f"file{number:04}.csv" for number in range(FILES)]
    memory.files = {name: bytearray() for name in names}
    memory.names = names
    return open_folder(memory, "/")


def read(folder, fits, offset=0):
    """What a program gets that reads to the end, the kernel taking so many at a time."""
    found = []
    while part := folder.entries(offset)[:fits]:
        found += [name for name, _, _ in part]
        offset = part[-1][2]
    return found


@pytest.mark.parametrize("fits", [1, 70, PAGE, PAGE + 5])
def test_a_folder_is_read_whole(memory, folder, fits):
    """Names would be missing, or come twice, where a page ends."""
    if fits == 1:
        memory.files = {name: memory.files[name] for name in memory.names[:50]}
    assert read(folder, fits) == [".", "..", *sorted(memory.files)]


def test_what_was_read_may_go(memory, folder):
    """Of a folder that is deleted while it is read, as by rm -r, every second part would stay."""
    offset = 0
    while part := folder.entries(offset)[:70]:
        for name, entry, _ in part:
            if entry:
                del memory.files[name]
        offset = part[-1][2]
    assert memory.files == {}


@pytest.mark.parametrize("offset", [0, 1, 2, 3, 500, FILES - KEPT, FILES, FILES + 1])
def test_a_program_may_go_back(memory, folder, offset):
    """A program that goes back in a folder would see another place of it."""
    whole = [".", "..", *memory.names]
    assert read(folder, 70) == whole
    assert read(folder, 70, offset) == whole[offset:]


def test_what_is_kept_is_bounded(folder):
    """Many open folders would take the memory of all their names."""
    read(folder, PAGE)
    assert len(folder._names) <= folders.KEPT
