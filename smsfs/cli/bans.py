"""``smsfs bans``: addresses that may not log in for a while, on any host and by any door."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path

import click

from smsfs.cli.common import config_option, opened, show_list
from smsfs.cli.lists import moment
from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.frontends.limits import key_of
from smsfs.store.bans import Ban

ADDRESSES = click.argument("addresses", nargs=-1, metavar="ADDRESS...")
_IPV4, _IPV6_NETWORK = 32, 64


@click.group()
def bans() -> None:
    """See who is turned away after too many failed logins, and let in, or turn away, by hand."""


@bans.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def list_(as_json: bool, config_file: Path | None) -> None:
    """List the bans that last."""
    with opened(config_file) as (_, store):
        now = store.now()
        found = [
            {
                "address": ban.address,
                "since": moment(ban.since),
                "until": moment(ban.until),
                "seconds_left": round(ban.until - now),
                "reason": ban.reason,
            }
            for ban in store.bans.all(now)
        ]
    show_list(["address", "since", "until", "reason"], found, as_json=as_json)


@bans.command()
@ADDRESSES
@click.option("--all", "everybody", is_flag=True, help="Lift every ban.")
@config_option
def lift(addresses: tuple[str, ...], everybody: bool, config_file: Path | None) -> None:
    """Let addresses log in again, from the next second on, with no failures counted."""
    wanted = _keys(addresses, needed=not everybody)
    with opened(config_file) as (_, store):
        listed = [ban.address for ban in store.bans.all(store.now())] if everybody else []
        lifted = sum(store.bans.lift(address) for address in dict.fromkeys([*wanted, *listed]))
    out.print(f"{lifted} lifted, {len({*wanted, *listed}) - lifted} were not banned.")


@bans.command()
@ADDRESSES
@click.option("--seconds", type=click.IntRange(1), default=3600, show_default=True, help="For how long.")
@click.option("--reason", default="by hand", show_default=True, help="What the list shows.")
@config_option
def add(addresses: tuple[str, ...], seconds: int, reason: str, config_file: Path | None) -> None:
    """Turn addresses away. What is open goes on; only logins are refused."""
    wanted = _keys(addresses, needed=True)
    with opened(config_file) as (_, store):
        now = store.now()
        for address in wanted:
            store.bans.add(Ban(address, now, now + seconds, reason))
    out.print(f"{len(wanted)} banned for {seconds} seconds.")


def _keys(addresses: Iterable[str], *, needed: bool) -> list[str]:
    """What bans count addresses by, each once.

    Raises:
        ConfigurationError: one is not an address, or an address is needed and missing.
    """
    keys = list(dict.fromkeys(map(_key, addresses)))
    if needed and not keys:
        raise ConfigurationError("Name the addresses, such as 192.0.2.7 or 2001:db8::/64.")
    return keys


def _key(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no address such as 192.0.2.7, 2001:db8::1 or 2001:db8::/64."
        ) from None
    whole = (_IPV4,) if network.version == 4 else (_IPV6_NETWORK, network.max_prefixlen)  # noqa: PLR2004 - IPv4
    if network.prefixlen not in whole:
        raise ConfigurationError(
            f"{text} is a network: bans are for one IPv4 address or the /64 of an IPv6 one; turn larger ones "
            "away at the firewall."
        )
    return key_of(str(network.network_address))
