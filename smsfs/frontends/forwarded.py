"""Who calls through a proxy, as the header ``X-Forwarded-For`` says. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import web

from smsfs.frontends.proxy import is_within
from smsfs.ranges import Network


def caller_of(request: web.Request, trusted: Sequence[Network]) -> str:
    """The address of who sent a request; ``trusted`` are the proxies whose word counts."""
    return caller(request.remote or "", request.headers.getall("X-Forwarded-For", []), trusted)


def caller(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address of who calls.

    Each proxy adds the address that called it at the end, so the last that is no proxy of ours is the
    caller's; anybody can write what stands before it.

    Args:
        peer: the address at the other end of the connection.
        forwarded: the values of the header, in their order.
        trusted: the proxies whose word counts.
    """
    named = [item for value in forwarded for item in value.split(",")]
    found = peer
    while is_within(found, trusted) and named:
        found = _address(named.pop())
    return found


def _address(text: str) -> str:
    """An address without the port that some proxies add; what is no address stays, and nobody trusts it."""
    bare = text.strip()
    for form in (bare, bare.partition("]")[0].removeprefix("["), bare.rpartition(":")[0]):
        try:
            return str(ip_address(form))
        except ValueError:
            continue
    return bare[:45]
