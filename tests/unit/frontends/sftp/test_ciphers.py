"""Which cipher a connection gets: OpenSSH's clients would choose one that costs the server more."""

import asyncio
import re

import pytest

CTR, GCM = "aes128-ctr", "aes128-gcm@openssh.com"
OPENSSH = "OpenSSH_9.9"


@pytest.mark.parametrize(
    ("client", "ciphers", "chosen"),
    [
        (OPENSSH, [CTR, GCM], GCM),
        (OPENSSH, [CTR], CTR),
        ("libssh2_1.10.0", [CTR, GCM], CTR),
    ],
    ids=["OpenSSH", "OpenSSH that may use ctr only", "another"],
)
def test_the_cheaper_cipher_is_chosen_where_it_can_be(run, serve, client, ciphers, chosen):
    """Downloads would take the server half as long again, or a client that is set to ctr be shut out."""

    async def scenario():
        options = {"client_version": client, "encryption_algs": ciphers}
        async with serve() as serving, serving.connect(**options) as connection:
            async with connection.start_sftp_client() as sftp:
                assert await sftp.listdir("/") == [".", ".."]
            return [connection.get_extra_info(f"{way}_cipher") for way in ("send", "recv")]

    assert run(scenario()) == [chosen, chosen]


@pytest.mark.parametrize("ciphers", [None, "aes256-ctr"])
def test_openssh_itself_gets_it(run, serve, openssh, ciphers):
    """The gain would be there with imitations only."""
    given = ["-c", ciphers] if ciphers else []

    async def scenario():
        async with serve() as serving:
            return await openssh("sftp", serving.port, "-v", *given, "-b", "-", "shop@127.0.0.1", text="ls")

    done = run(scenario())
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"cipher: (\S+)", done.stderr)) == {ciphers or GCM}


def test_a_client_that_waits_for_our_algorithms_hears_them(run, serve):
    """A client that calls itself OpenSSH, and speaks second, could never log in."""

    async def scenario():
        async with serve() as serving:
            reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
            writer.write(b"SSH-2.0-OpenSSH_of_sorts\r\n")
            await reader.readline()
            told = await reader.readexactly(200)
            writer.close()
            return told

    told = run(scenario())
    assert CTR.encode() in told or b"curve25519" in told
