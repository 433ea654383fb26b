"""Logins against a real store: passwords, keys, closed accounts."""

import asyncio

import asyncssh
import pytest
import structlog
from argon2 import PasswordHasher

from smsfs.dialects.registry import dialect
from smsfs.errors import NotAllowed
from smsfs.filesystem import Filesystems
from smsfs.frontends import logins as module
from smsfs.frontends.logins import Logins, hash_password, host_keys
from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore

PEER = "192.0.2.1"


@pytest.fixture(autouse=True)
def verified(monkeypatch):
    """Each password that was hashed."""
    real, calls = module._verify, []

    def verify(stored, password):
        calls.append(password)
        return real(stored, password)

    monkeypatch.setattr(module, "_verify", verify)
    return calls


@pytest.fixture
def store(tmp_path):
    """A store with one account."""
    store = SqliteStore(tmp_path / "smsfs.db")
    account = store.accounts.add("shop", "gatewayapi", {}, 0.0)
    store.accounts.set_password(account.id, hash_password("right"))
    yield store
    store.close()


@pytest.fixture
def account(store):
    """The account."""
    return store.accounts.find("shop")


@pytest.fixture
def logins(store):
    """Its logins."""
    logins = Logins(store, Filesystems(store, store.register("front"), dialect))
    yield logins
    logins.close()


def _password(logins, password, username="shop"):
    return asyncio.run(logins.password(username, password, PEER))


def _key(logins, key, username="shop"):
    return asyncio.run(logins.key(username, key, PEER))


def test_hash_is_argon2id_and_never_the_same():
    """Whoever steals the store could read passwords, or see who has the same."""
    first, second = hash_password("right"), hash_password("right")
    assert first.startswith("$argon2id$")
    assert first != second
    assert "right" not in first


def test_production_hasher_is_costly():
    """Stolen hashes could be tried out by the billion."""
    assert module.PasswordHasher is PasswordHasher
    fresh = PasswordHasher()
    assert fresh.memory_cost >= 19 * 1024
    assert fresh.time_cost >= 2


@pytest.mark.parametrize("password", ["wrong", "", "right ", "RIGHT", "right\0", "\udce9", "x" * 10_000])
def test_only_the_right_password_opens(logins, password):
    """Another password would open a customer's account, or end in an error."""
    assert _password(logins, "right")
    assert not _password(logins, password)


def test_names_that_are_no_text_are_unknown(database, logins):
    """Whoever guesses would not be counted, and fill the log with errors of ours."""
    store = PostgresStore(database)
    pair = Logins(store, Filesystems(store, store.register("front"), dialect))
    for username in ("\udcff", "shop\0", "shop\r\n", ""):
        assert not _password(logins, "right", username)
        assert not _password(pair, "right", username)
    pair.close()
    store.close()


def test_verified_password_is_remembered(logins, verified):
    """A client that connects for each file would keep the server's cores busy."""
    assert _password(logins, "right")
    assert _password(logins, "right")
    assert verified == ["right"]


def test_wrong_passwords_are_verified_each_time(logins, verified):
    """A wrong password would be remembered for right, or answered at once."""
    for _ in range(2):
        assert not _password(logins, "wrong")
    assert verified == ["wrong", "wrong"]


def test_memory_ends(logins, verified, monkeypatch):
    """A password would be remembered for as long as the server runs."""
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    assert _password(logins, "right")
    now += module.CACHE_SECONDS
    assert _password(logins, "right")
    assert verified == ["right", "right"]
    assert len(logins._verified) == 1


def test_memory_holds_no_password(logins):
    """A dump of the server's memory would be a list of passwords."""
    assert _password(logins, "right")
    assert all(b"right" not in known for known in logins._verified)


def test_changed_password_counts_at_once(logins, store, account):
    """A stolen password would open the account for minutes after it was changed."""
    assert _password(logins, "right")
    store.accounts.set_password(account.id, hash_password("new"))
    assert not _password(logins, "right")
    assert _password(logins, "new")


def test_connectors_of_a_closed_account_are_closed(logins, store, account):
    """A customer who was locked out would go on sending through a connector."""
    connector = store.accounts.add("leads", "naxai", {}, 0.0, parent=account.id)
    store.accounts.set_password(connector.id, hash_password("right"))
    assert _password(logins, "right", "leads")
    store.accounts.set_disabled(account.id, disabled=True)
    assert not _password(logins, "right", "leads")
    store.accounts.set_disabled(account.id, disabled=False)
    store.accounts.set_disabled(connector.id, disabled=True)
    assert (_password(logins, "right", "leads"), _password(logins, "right")) == (False, True)


def test_closed_account_opens_to_nobody(logins, store, account):
    """A customer who was locked out would still get in."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    store.accounts.add_key(account.id, key.export_public_key().decode())
    assert _password(logins, "right")
    assert _key(logins, key)
    store.accounts.set_disabled(account.id, disabled=True)
    assert not _password(logins, "right")
    assert not _key(logins, key)
    with pytest.raises(NotAllowed, match="closed"):
        asyncio.run(logins.filesystem("shop"))


def test_unknown_name_takes_as_long_as_a_known_one(logins, verified):
    """The time of an answer would tell which accounts there are."""
    assert not _password(logins, "guess", username="nobody")
    assert not _password(logins, "guess")
    assert verified == ["guess", "guess"]


def test_account_without_password_takes_none(logins, store, account, verified):
    """An account that uses keys only would open to any or to an empty password."""
    store.accounts.set_password(account.id, None)
    assert not _password(logins, "")
    assert not _password(logins, "right")
    assert verified == ["", "right"]


def test_damaged_hash_opens_nothing(logins, store, account):
    """A damaged row would end every login in an error, or let anyone in."""
    store.accounts.set_password(account.id, "no hash")
    assert not _password(logins, "right")


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_only_stored_keys_open(logins, store, account, kind):
    """A stranger's key would open an account, or the customer's not."""
    key, other = asyncssh.generate_private_key(kind), asyncssh.generate_private_key(kind)
    store.accounts.add("second", "gatewayapi", {}, 0.0)
    store.accounts.add_key(account.id, key.export_public_key().decode())
    assert _key(logins, key)
    assert _key(logins, key.convert_to_public())
    assert not _key(logins, other)
    assert not _key(logins, key, username="second")
    assert not _key(logins, key, username="nobody")
    assert store.accounts.remove_key(account.id, key.export_public_key().decode())
    assert not _key(logins, key)


def test_login_leads_to_the_accounts_files(logins, store):
    """A customer would see another's files."""
    second = store.accounts.add("second", "gatewayapi", {}, 0.0)
    with store.files.change(second.id) as files:
        files.add(second.id, "theirs", store.contents.create(), 0.0)
    assert asyncio.run(logins.filesystem("shop")).listdir("/") == []
    assert [entry.name for entry in asyncio.run(logins.filesystem("second")).listdir("/")] == ["theirs"]
    assert asyncio.run(logins.filesystem("shop")) is asyncio.run(logins.filesystem("shop"))


def test_host_keys_stay(store, tmp_path):
    """Clients would be warned of an attack after each restart, or on the second host."""
    first = host_keys(store)
    other = SqliteStore(tmp_path / "smsfs.db")
    second = host_keys(other)
    other.close()
    assert [key.get_fingerprint() for key in first] == [key.get_fingerprint() for key in second]
    assert {key.get_algorithm() for key in first} == {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}


def test_only_the_host_key_in_use_is_told(store, tmp_path, monkeypatch):
    """Two hosts that start together would log two keys, and clients be told to trust one that nobody has."""
    other = SqliteStore(tmp_path / "smsfs.db")
    add = store.accounts.add_host_key

    def too_late(kind, private):
        made = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        other.accounts.add_host_key(kind, made)
        return add(kind, private)

    monkeypatch.setattr(store.accounts, "add_host_key", too_late)
    with structlog.testing.capture_logs() as events:
        keys = host_keys(store)
    assert [event for event in events if event["event"] == "host_key_made"] == []
    kept = [asyncssh.import_private_key(text) for text in other.accounts.host_keys().values()]
    assert {key.public_data for key in keys} == {key.public_data for key in kept}
    other.close()
