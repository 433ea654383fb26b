"""PyFilesystem2's own conformance suite, against an account in a real store.

Its 79 tests run twice: directly, where each that the folder rules forbid must fail for exactly that reason;
and through an adaptor that keeps a tree of folders to itself and stores every file flat, where all must pass.
"""
# ruff: noqa: D102, ARG002 - the methods and their arguments are PyFilesystem2's

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

import pytest
from fs import errors
from fs.base import FS
from fs.info import Info
from fs.path import basename, dirname
from fs.test import FSTestCases

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.frontends.pyfilesystem import SmsfsFS
from smsfs.store.sqlite import SqliteStore

NO_FOLDERS = "Folders are fixed here: mkdir is not allowed."

#: Test of the suite -> the rule that forbids it to pass.
FORBIDDEN = dict.fromkeys(
    """
    case_sensitive copy copy_dir_mem copy_dir_temp copy_structure copydir desc download_0 download_1
    download_2 download_4 exists filterdir getinfo hash isdir isempty isfile listdir makedir makedirs move
    move_dir_mem move_dir_same_fs move_dir_temp move_file_mem move_file_same_fs move_file_temp movedir open
    openbin openbin_rw opendir readbytes readtext remove removedir removetree removetree_root repeat_dir
    scandir tree unicode_path upload_0 upload_1 upload_2 upload_4
    """.split(),  # noqa: SIM905 - 47 names are easier to read as text
    NO_FOLDERS,
)


class Account(FSTestCases):
    # unittest took this name away in Python 3.12; the suite still calls it.
    assertRaisesRegexp = unittest.TestCase.assertRaisesRegex  # noqa: N815 - unittest's name

    def make_fs(self):
        folder = TemporaryDirectory(prefix="smsfs-")
        self.addCleanup(folder.cleanup)
        store = SqliteStore(Path(folder.name) / "smsfs.db")
        account = store.accounts.add("acme", "gatewayapi", {}, 0.0)
        filesystem = Filesystems(store, store.register("test"), dialect).of(account)
        return SmsfsFS(filesystem, "smsfs://acme", store.close)


def forbidden(name, rule):
    """The test of that name, turned round: it must fail, and for this reason."""

    def test(self):
        with pytest.raises(errors.PermissionDenied) as caught:
            getattr(FSTestCases, name)(self)
        assert str(caught.value) == rule

    test.__doc__ = f"A user would lose the rule: {rule}"
    return test


class TestDirectly(Account, unittest.TestCase):
    pass


for _name, _rule in FORBIDDEN.items():
    setattr(TestDirectly, f"test_{_name}", forbidden(f"test_{_name}", _rule))


class TreeOverFlat(FS):
    """A tree of folders kept here, its files stored flat under their percent-quoted paths."""

    def __init__(self, flat):
        super().__init__()
        self.flat = flat
        self.folders = {"/"}

    def close(self):
        if not self.isclosed():
            self.flat.close()
        super().close()

    def getmeta(self, namespace="standard"):
        return self.flat.getmeta(namespace)

    def _flat(self, path):
        return quote(path[1:], safe="")

    def getinfo(self, path, namespaces=None):
        where = self.validatepath(path)
        if where not in self.folders:
            raw = self.flat.getinfo(self._flat(where), namespaces).raw
            return Info({**raw, "basic": {"name": basename(where), "is_dir": False}})
        raw = self.flat.getinfo("/", namespaces).raw
        return Info({**raw, "basic": {"name": basename(where), "is_dir": True}})

    def listdir(self, path):
        where = self.validatepath(path)
        if not self.getinfo(where).is_dir:
            raise errors.DirectoryExpected(path)
        files = {"/" + unquote(name) for name in self.flat.listdir("/")}
        return [basename(path) for path in (self.folders | files) - {"/"} if dirname(path) == where]

    def makedir(self, path, permissions=None, recreate=False):
        where = self.validatepath(path)
        if dirname(where) not in self.folders:
            raise errors.ResourceNotFound(path)
        if self.exists(where) and not (recreate and where in self.folders):
            raise errors.DirectoryExists(path)
        self.folders.add(where)
        return self.opendir(where)

    def removedir(self, path):
        where = self.validatepath(path)
        if where == "/":
            raise errors.RemoveRootError(path)
        if self.listdir(where):
            raise errors.DirectoryNotEmpty(path)
        self.folders.remove(where)

    def _file(self, path):
        """Where a file is stored, or is to be."""
        where = self.validatepath(path)
        if where in self.folders:
            raise errors.FileExpected(path)
        if dirname(where) not in self.folders:
            raise errors.ResourceNotFound(path)
        return self._flat(where)

    def openbin(self, path, mode="r", buffering=-1, **options):
        return self.flat.openbin(self._file(path), mode, buffering, **options)

    def open(self, path, mode="r", *args, **options):
        return self.flat.open(self._file(path), mode, *args, **options)

    def upload(self, path, file, chunk_size=None, **options):
        self.flat.upload(self._file(path), file, chunk_size, **options)

    def download(self, path, file, chunk_size=None, **options):
        self.flat.download(self._file(path), file, chunk_size, **options)

    def move(self, src_path, dst_path, overwrite=False, preserve_time=False):
        self.flat.move(self._file(src_path), self._file(dst_path), overwrite, preserve_time)

    def remove(self, path):
        self.flat.remove(self._file(path))

    def setinfo(self, path, info):
        where = self.validatepath(path)
        self.flat.setinfo("/" if where in self.folders else self._flat(where), info)


class TestThroughTree(Account, unittest.TestCase):
    def make_fs(self):
        return TreeOverFlat(super().make_fs())
