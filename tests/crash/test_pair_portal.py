"""Two hosts on one database: a name of SMSPortal that comes to both at once is sent once."""

import asyncio
import re

import asyncssh
import pytest

from tests.support.pair import Pair
from tests.support.server import wait_for

ROUNDS = 10
REFUSALS = re.compile("is being processed|there already|took this name|began meanwhile")
DOCUMENT = 'version: 7\n{"message_template": "%s", "contacts": [{"msisdn": "27821234567"}]}'


@pytest.fixture
def pair(postgres, tmp_path):
    """Two hosts."""
    url = postgres.new_database()
    with Pair(tmp_path, [url, url]) as pair:
        yield pair
    assert not any("Traceback" in server.log for server in pair.servers)
    postgres.drop_database(url)


async def taken(step):
    """Whether the server did what was asked, rather than refuse it for the other host's sake."""
    try:
        await step
    except asyncssh.SFTPError as exc:
        if not REFUSALS.search(str(exc)):
            raise
        return False
    return True


async def upload(connection, path, text):
    """Put a file."""
    async with connection.start_sftp_client() as sftp, sftp.open(path, "w") as file:
        await file.write(text)


async def rename(connection, old, new):
    """Rename a file."""
    async with connection.start_sftp_client() as sftp:
        await sftp.rename(old, new)


async def race(connections, name, text):
    """The same name to both hosts at once: uploaded, as a rename, and twice but for its capitals."""
    uploads = (taken(upload(each, f"Send_SMS/{name}.json", text)) for each in connections)
    assert any(await asyncio.gather(*uploads))
    drafts = {f"{name}.{number}": each for number, each in enumerate(connections)}
    for draft, connection in drafts.items():
        await upload(connection, draft, text)
    renames = (taken(rename(each, draft, f"Send_SMS/{name}.txt")) for draft, each in drafts.items())
    assert any(await asyncio.gather(*renames))
    cases = [f"Send_SMS/{name}.case.json", f"Send_SMS/{name.upper()}.CASE.json"]
    both = (upload(each, path, text) for each, path in zip(connections, cases, strict=True))
    await asyncio.gather(*both)


async def rounds(logins):
    """All of them, one after the other."""
    async with asyncssh.connect(**logins[0]) as here, asyncssh.connect(**logins[1]) as there:
        for number in range(ROUNDS):
            await race([here, there], f"round{number}", DOCUMENT % f"round {number}")


@pytest.mark.slow
def test_a_name_that_comes_to_both_hosts_at_once_is_sent_once(pair):
    """A program that uploads to both hosts, to be on the safe side, would write to everybody twice."""
    logins = pair.add_account("portal", "a password", "--dialect", "smsportal")
    asyncio.run(rounds(logins))
    wait_for(lambda: not pair_busy(pair), "every file to be read", 60)
    wait_for(lambda: len(pair.sent("portal")) >= 3 * ROUNDS, "the messages")
    texts = sorted(message["text"] for message in pair.sent("portal"))
    assert texts == sorted(3 * [f"round {number}" for number in range(ROUNDS)])


def pair_busy(pair):
    """Whether files are on their way."""
    return [row for row in pair.installation.rows("files") if row["state"] == "processing"]
