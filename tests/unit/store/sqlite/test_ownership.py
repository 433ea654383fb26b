"""Whose the files of a store are, and who can read them."""

import os
import stat

import pytest

from smsfs.store.sqlite import SqliteStore

NOBODY = 65_534


def filled(folder):
    """A store with something of every kind in it."""
    store = SqliteStore(folder / "smsfs.db")
    store.register("test")
    store.contents.create()
    store.close()
    return [folder / "smsfs.db", *folder.rglob("*")]


def test_nobody_else_reads_a_store(tmp_path):
    """Every user of the host could read password hashes and message texts, whatever the folder allows."""
    tmp_path.chmod(0o755)
    assert [path for path in filled(tmp_path) if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_is_for_the_service(tmp_path):
    """After root had made the first account, the service, which is not root, could not open its store."""
    os.chown(tmp_path, NOBODY, NOBODY)
    assert {path.stat().st_uid for path in filled(tmp_path)} == {NOBODY}
