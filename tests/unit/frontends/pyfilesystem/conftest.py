"""Import PyFilesystem2 once, without the deprecations it is made of; and an account to try it on."""

import warnings

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.store.sqlite import SqliteStore

with warnings.catch_warnings():
    # fs calls pkg_resources, which warns of itself and of the namespace packages that fs declares.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", DeprecationWarning)
    warnings.filterwarnings(
        "ignore", "Deprecated call to `pkg_resources.declare_namespace", DeprecationWarning
    )
    from smsfs.frontends.pyfilesystem import SmsfsFS


@pytest.fixture
def store(tmp_path):
    """A store with the accounts acme and other."""
    store = SqliteStore(tmp_path / "data" / "smsfs.db")
    for name in ("acme", "other"):
        store.accounts.add(name, "gatewayapi", {}, 0.0)
    yield store
    store.close()


@pytest.fixture
def filesystems(store):
    """The filesystems of a process of that store."""
    return Filesystems(store, store.register("test"), dialect)


@pytest.fixture
def files(store, filesystems):
    """The files of acme."""
    with SmsfsFS(filesystems.of(store.accounts.find("acme")), "smsfs://acme") as files:
        yield files


@pytest.fixture
def everyone(filesystems):
    """The files of every account."""
    with SmsfsFS(filesystems.all()) as everyone:
        yield everyone
