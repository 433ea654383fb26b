"""``smsfs://`` URLs: which files they open, and what they say when they cannot."""

import fs
import pytest
from fs import errors
from fs.opener import registry

from smsfs.frontends.pyfilesystem import SmsfsOpener

ROWS = b"msisdn,message\n4512345678,Hello\n"


@pytest.fixture
def configuration(store, tmp_path, monkeypatch):
    """A configuration file for that store, found only when it is named."""
    path = tmp_path / "smsfs.toml"
    path.write_text(f'[store]\nurl = "sqlite://{tmp_path}/data/smsfs.db"\n', encoding="utf-8")
    monkeypatch.setenv("SMSFS_DATA", str(tmp_path / "embedded"))
    monkeypatch.delenv("SMSFS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path / "data")
    store.accounts.set_disabled(store.accounts.add("shut", "gatewayapi", {}, 0.0).id, disabled=True)
    store.accounts.add("strange", "nosuchdialect", {}, 0.0)
    return path


def test_the_entry_point_is_ours():
    """``fs.open_fs("smsfs://...")`` would say that the protocol is not supported."""
    assert type(registry.get_opener("smsfs")) is SmsfsOpener


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("smsfs://acme?config={}", "a.csv"),
        ("smsfs://acme/?config={}", "a.csv"),
        ("smsfs://?config={}", "acme/a.csv"),
        ("smsfs:///acme?config={}", "a.csv"),
        ("smsfs://acme?config=../smsfs.toml", "a.csv"),
        ("smsfs://%61cme?config={}!some/path", "a.csv"),
    ],
)
def test_every_form_of_url(store, configuration, url, path):
    """A documented URL would open nothing, or another account's files."""
    with fs.open_fs(url.format(configuration), cwd=".") as files:
        files.writebytes(path, ROWS)
        files.move(path, path.removesuffix("csv") + "ready")
    account = store.accounts.find("acme")
    assert [(batch.account, batch.stem) for batch in store.queue.batches()] == [(account.id, "a")]


def test_the_configuration_that_smsfs_finds(store, configuration, monkeypatch):
    """A URL without a configuration would open other accounts than the server serves."""
    with pytest.raises(errors.CreateFailed, match=r"smsfs\.db cannot be opened: No such file"):
        fs.open_fs("smsfs://acme")
    monkeypatch.setenv("SMSFS_CONFIG", str(configuration))
    with fs.open_fs("smsfs://") as files:
        assert files.listdir("/") == [account.name for account in store.accounts.all()]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("smsfs://nobody?config={}", "There is no account nobody; smsfs account add makes one."),
        ("smsfs://shut?config={}", "The account shut is disabled"),
        ("smsfs://strange?config={}", "no dialect"),
        ("smsfs://acme/folder?config={}", "There is no file folder."),
        ("smsfs:///nobody?config={}", "There is no account nobody."),
        ("smsfs://acme?config={}&user=me", 'no parameter "user"'),
        ("smsfs://acme:secret@host?config={}", "no user and password"),
        ("smsfs://acme?config=none.toml", "There is no configuration file"),
        ("smsfs://{{0}}?config={}", "There is no account {0};"),
    ],
)
def test_a_url_that_opens_nothing(store, configuration, url, sentence):
    """A user with a mistyped URL would get a traceback from deep inside, or an empty new store."""
    before = set(store.alive())
    with pytest.raises(errors.CreateFailed) as caught:
        fs.open_fs(url.format(configuration))
    assert sentence in str(caught.value)
    assert set(store.alive()) == before


def test_it_is_alive_until_it_is_closed(store, configuration):
    """Drafts of a running program would be taken for cut off, or those of an ended one for open."""
    before = set(store.alive())
    files = fs.open_fs(f"smsfs:///acme?config={configuration}")
    assert len(set(store.alive()) - before) == 1
    files.close()
    files.close()
    assert set(store.alive()) == before


def test_a_file_keeps_its_filesystem(store, configuration):
    """``with fs.open_fs(url).open(name, "w")``, all in one line, would lose the file half way."""
    with fs.open_fs(f"smsfs://acme?config={configuration}").open("a.csv", "wb") as file:
        file.write(ROWS)
    acme = store.accounts.find("acme")
    found = store.files.view().find(acme.id, "a.csv")
    assert (found.size, found.cut, found.writers) == (len(ROWS), False, ())


@pytest.mark.parametrize("way", ["disable", "remove"])
def test_who_is_shut_out_is_out(store, configuration, way):
    """A program would go on reading and sending for an account that was closed or removed."""
    account = store.accounts.find("acme")
    with fs.open_fs(f"smsfs://acme?config={configuration}") as files:
        files.writebytes("a.csv", ROWS)
        upload = files.openbin("b.csv", "w")
        upload.write(ROWS)
        if way == "disable":
            store.accounts.set_disabled(account.id, disabled=True)
        else:
            store.contents.delete(store.accounts.remove(account.id))
        with pytest.raises(errors.PermissionDenied):
            upload.close()
        for step in (lambda: files.move("a.csv", "a.ready"), lambda: files.writebytes("c.csv", ROWS)):
            with pytest.raises(errors.PermissionDenied):
                step()
    assert list(store.queue.batches()) == []
