"""Who is shut out is out: sessions, channels and uploads end on every door, whichever host did it."""

import asyncio
import sqlite3
import time
from contextlib import closing, suppress

import asyncssh
import pytest

from smsfs.frontends.logins import hash_password
from tests.support.server import wait_for

#: Between the command and the end of everything; told by the issue is one second, on a machine with time.
SLOW = 20.0


def disable(store, account, _keys, **options):
    """Close the account."""
    store.accounts.set_disabled(account.id, disabled=True, **options)


def disable_and_undo(store, account, _keys):
    """Close it, and open it again right after."""
    store.accounts.set_disabled(account.id, disabled=True)
    store.accounts.set_disabled(account.id, disabled=False)


def disable_parent(store, account, _keys):
    """Close the account that a connector belongs to."""
    store.accounts.set_disabled(account.parent, disabled=True)


def change_password(store, account, _keys, **options):
    """Change its password."""
    store.accounts.set_password(account.id, hash_password("new"), **options)


def drop_key(store, account, keys, **options):
    """Take a key away."""
    assert store.accounts.remove_key(account.id, keys[1].export_public_key().decode(), **options)


def remove(store, account, _keys):
    """Remove it with its files."""
    store.contents.delete(store.accounts.remove(account.id))


ACTIONS = [disable, disable_and_undo, disable_parent, change_password, drop_key, remove]
KEPT = [disable, change_password, drop_key]


def made(store, new_account, action):
    """An account for an action, named after it; a connector for some."""
    parent = None
    if action is disable_parent:
        parent = store.accounts.add(f"of-{action.__name__}", "gatewayapi", {}, 0.0).id
    return new_account(store, action.__name__, parent=parent)


def cut_files(store, account):
    """The drafts that count as cut off."""
    return sorted(file.name for file in store.files.view().listing(account.id, "") if file.cut)


class Busy:
    """A client with an upload under way on each door, a session that is idle, and a mere connection."""

    def __init__(self, host, name):
        self._host, self._name = host, name

    async def begin(self):
        """Log in everywhere."""
        host, name = self._host, self._name
        self.key = await host.ssh(name, password=None, client_keys=[host.keys[1]])
        self.password = await host.ssh(name)
        self.idle = await host.ssh(name)
        for connection, file in (self.key, "key.csv"), (self.password, "password.csv"):
            sftp = await connection.start_sftp_client()
            handle = await sftp.open(file, "wb")
            await handle.write(b"msisdn,message\n")
        self.ftp = await host.in_thread(host.ftp_client, name, password="right")
        self.upload = await host.in_thread(self.ftp.transfercmd, "STOR ftp.csv")
        await host.in_thread(self.upload.sendall, b"msisdn,message\n")
        await host.in_thread(self._until_stored)

    def _until_stored(self):
        with closing(self._host.ftp_client(self._name, password="right")) as other:
            wait_for(lambda: "ftp.csv" in other.nlst(), "the upload")

    async def ended(self):
        """Wait for the end of everything; what FTP was told."""
        await asyncio.gather(*(each.wait_closed() for each in (self.key, self.password, self.idle)))
        return await self._host.in_thread(self._ftp_ended)

    def _ftp_ended(self):
        with closing(self.ftp), closing(self.upload):
            said = self.ftp.file.read()
            with suppress(ConnectionResetError):
                assert self.upload.recv(1) == b""
        return said

    async def goes_on(self):
        """Whether every session still answers."""
        for connection in (self.key, self.password, self.idle):
            async with connection.start_sftp_client() as sftp:
                await sftp.listdir(".")
        self.upload.close()
        said = await self._host.in_thread(self.ftp.voidresp)
        self.ftp.close()
        for connection in (self.key, self.password, self.idle):
            connection.close()
        return said.startswith("226")


def test_everything_of_a_login_ends(run, connect, front, new_account, keys, events):
    """Who was shut out, or stole a password, would go on uploading for as long as the connection stands."""
    store, elsewhere = connect(), connect()
    accounts = {action: made(store, new_account, action) for action in ACTIONS}

    async def shut_out(host, action):
        account = accounts[action]
        busy = Busy(host, account.name)
        await busy.begin()
        began = time.monotonic()
        await asyncio.to_thread(action, elsewhere, account, keys)
        said = await busy.ended()
        assert time.monotonic() - began < SLOW
        assert "421 The" in said or "421 This" in said, said

    async def scenario():
        async with front(store).running() as host:
            for action in ACTIONS:
                await shut_out(host, action)

    run(scenario())
    for action, account in accounts.items():
        expected = [] if action is remove else ["ftp.csv", "key.csv", "password.csv"]
        assert cut_files(store, account) == expected
        mine = [event for event in events if event.get("account") == account.name]
        assert [event["event"] for event in mine].count("transfer_cut") == 3, mine
        assert [event["event"] for event in mine].count("shut_out") == 4


@pytest.mark.parametrize("engine", ["sqlite"])
def test_sessions_are_kept_where_that_is_wanted(run, connect, front, new_account, keys, events):
    """A password could not be changed without cutting a transfer of hours."""
    store = connect()

    async def scenario():
        async with front(store).running() as host:
            for action in KEPT:
                account = made(store, new_account, action)
                busy = Busy(host, account.name)
                await busy.begin()
                action(store, account, keys, keep_sessions=True)
                await host.looked()
                assert await busy.goes_on(), action

    run(scenario())
    assert "shut_out" not in [event["event"] for event in events]


def test_old_connection_sees_nothing_of_the_next_account(run, connect, front, new_account):
    """A former customer would read and send the next one's files, for having had the same name."""
    store, elsewhere = connect(), connect()
    old = new_account(store, "vic")

    async def scenario():
        async with front(store, watches=False).running() as host, host.ssh("vic") as connection:
            sftp = await connection.start_sftp_client()
            handle = await sftp.open("mine.csv", "wb")
            await handle.write(b"1")
            remove(elsewhere, old, None)
            new = new_account(elsewhere, "vic")
            with elsewhere.files.change(new.id) as files:
                files.add(new.id, "theirs.csv", elsewhere.contents.create(), 0.0)
            with pytest.raises(asyncssh.SFTPPermissionDenied, match="removed"):
                await handle.close()
            for step in (sftp.listdir("."), sftp.stat("theirs.csv"), sftp.open("new.csv", "wb")):
                with pytest.raises(asyncssh.SFTPPermissionDenied, match="removed"):
                    await step
            with pytest.raises(asyncssh.ChannelOpenError, match="removed"):
                await connection.start_sftp_client()
            return [file.name for file in elsewhere.files.view().listing(new.id, "")]

    assert run(scenario()) == ["theirs.csv"]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_store_in_trouble_shuts_nobody_out(run, connect, front, new_account, tmp_path):
    """A fault or restart of the database would cut every upload there is."""
    store = connect()
    new_account(store)

    def execute(statement):
        with closing(sqlite3.connect(tmp_path / "smsfs.db")) as connection, connection:
            connection.execute(statement)

    async def scenario():
        async with front(store).running() as host, host.ssh() as connection:
            execute("ALTER TABLE account RENAME TO gone")
            await host.looked()
            execute("ALTER TABLE gone RENAME TO account")
            async with connection.start_sftp_client() as sftp:
                return await sftp.listdir(".")

    assert run(scenario())
