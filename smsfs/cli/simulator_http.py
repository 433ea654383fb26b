"""``smsfs simulator --provider``: a provider with its HTTP interface to try things out on."""

import asyncio
import re
import signal
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
import click
from click.core import ParameterSource

from smsfs.cli.simulator_texts import send_texts
from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.frontends.listen_errors import reason
from smsfs.simulator.http import FAULTS, HOOK_FAULTS, HttpBehaviour, HttpSimulator, Poster, Posting
from smsfs.simulator.http.bulksms import BulkSms
from smsfs.simulator.http.gatewayapi import GatewayApi
from smsfs.simulator.http.infobip import Infobip
from smsfs.simulator.http.kannel import Kannel
from smsfs.simulator.http.naxai import Naxai
from smsfs.simulator.http.own import Own
from smsfs.simulator.http.posts import KINDS
from smsfs.simulator.http.smsportal import SmsPortal
from smsfs.simulator.http.taken import Contract
from smsfs.simulator.http.twilio import Twilio
from smsfs.simulator.http.vonage import Vonage

SMPP, HTTP_PORT = "smpp", 8775
#: Of a run that starts: so many messages for each second of the one before have other ids.
IDS_PER_SECOND = 1000
#: By the type of the backend that sends to it; made with the token.
CONTRACTS: dict[str, Callable[[str], Contract]] = {
    "gatewayapi": GatewayApi,
    "smsportal": SmsPortal,
    "twilio": Twilio,
    "kannel": Kannel,
    "vonage": Vonage,
    "infobip": Infobip,
    "naxai": Naxai,
    "bulksms": BulkSms,
    "http": Own,
}
SHARED = {"provider", "host", "port", "latency", "ledger", "tls_cert", "tls_key"}
SHARED |= {"receipts", "undelivered", "late", "mo"}
HTTP = {"token", "faults", "retry_after", "refuse", "error", "hook", "hook_secret", "hook_faults"}

Command = TypeVar("Command", bound=Callable[..., Any])


def _faults(known: Mapping[str, str]) -> Callable[[str], tuple[str, float]]:
    """The type of an option that names one of these faults, perhaps with a share."""

    def fault(value: str) -> tuple[str, float]:
        name, _, share = value.partition("=")
        if name not in known:
            raise click.BadParameter(f"{name!r} is no fault; there are {', '.join(known)}.")
        try:
            found = float(share or 1)
        except ValueError:
            found = -1
        if not 0 <= found <= 1:
            raise click.BadParameter(f"{share!r} is no share; write one from 0 to 1, such as {name}=0.1.")
        return name, found

    return fault


def _refuse(value: str) -> tuple[re.Pattern[str], str]:
    pattern, equals, code = value.rpartition("=")
    if not equals:
        raise click.BadParameter(f"{value!r} is not PATTERN=CODE; write one such as ^4599=0x0215.")
    try:
        return re.compile(pattern), code
    except re.error as exc:
        raise click.BadParameter(f"{pattern!r} is no regular expression: {exc}.") from exc


def http_options(command: Command) -> Command:
    """The options that only a provider over HTTP has."""
    options = [
        click.option(
            "--token",
            default="",
            help="HTTP: the only token that may send, or NAME:SECRET where a provider has names.",
        ),
        click.option(
            "--fault",
            "faults",
            multiple=True,
            type=_faults(FAULTS),
            metavar="NAME[=SHARE]",
            help=f"HTTP: what goes wrong, with a share of the requests or with all: {', '.join(FAULTS)}.",
        ),
        click.option(
            "--hook",
            default="",
            metavar="URL",
            help="HTTP: the webhook that gets replies, and receipts unless messages tell another address.",
        ),
        click.option("--hook-secret", default="", help="HTTP: what calls of the webhook are signed with."),
        click.option(
            "--hook-fault",
            "hook_faults",
            multiple=True,
            type=_faults(HOOK_FAULTS),
            metavar="NAME[=SHARE]",
            help=f"HTTP: what goes wrong with the receipts for messages: {', '.join(HOOK_FAULTS)}.",
        ),
        click.option("--retry-after", default="", help="HTTP: the Retry-After of faults 429 and 503."),
        click.option(
            "--refuse",
            multiple=True,
            type=_refuse,
            metavar="PATTERN=CODE",
            help="HTTP: refuse requests to a recipient that the pattern is found in, with this code.",
        ),
        click.option("--error", default="", metavar="CODE", help="HTTP: refuse all requests with this code."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def check_options(ctx: click.Context, provider: str, port: int) -> int:
    """An option that the provider has no use for would change nothing, and say nothing; the port to use.

    Raises:
        UsageError: there is one.
    """
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in SHARED and (name in HTTP) == (provider == SMPP):
            raise click.UsageError(f"{parameter.opts[0]} is not for --provider {provider}.")
    if provider != SMPP and not ctx.params["hook"]:
        _refuse_idle(ctx, provider)
    own = provider != SMPP and ctx.get_parameter_source("port") is ParameterSource.DEFAULT
    return HTTP_PORT if own else port


def _refuse_idle(ctx: click.Context, provider: str) -> None:
    """Refuse what would go nowhere without ``--hook``.

    Raises:
        UsageError: there is some.
    """
    if ctx.params["mo"]:
        raise click.UsageError("--mo needs --hook, the webhook that it is posted to.")
    if ctx.params["receipts"] and not KINDS[provider].told:
        raise click.UsageError("--receipts needs --hook, the webhook that they are posted to.")


def _poster(options: dict[str, Any]) -> Poster:
    """What calls the webhook."""
    faults = dict(options["hook_faults"])
    if options["receipts"].get("receipts_first"):
        faults["before"] = 1.0
    seconds = options["receipts"].get("receipts", 0.0 if options["receipts"] else None)
    late = {} if options["late"] is None else {"late": options["late"]}
    posting = Posting(
        KINDS[options["provider"]],
        options["hook"],
        options["hook_secret"],
        receipts=seconds,
        undelivered=options["undelivered"],
        faults=faults,
        **late,
    )
    return Poster(posting)


def run_http(options: dict[str, Any], tls: ssl.SSLContext | None) -> None:
    """Run a provider until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: its port or its ledger cannot be used.
    """
    given = {name: options[name] for name in ("latency", "retry_after", "refuse", "error")}
    behaviour = HttpBehaviour(faults=dict(options["faults"]), **given)
    try:
        asyncio.run(_run(behaviour, options, tls))
    except OSError as exc:
        place = options["ledger"] if exc.filename else f"{options['host']}:{options['port']}"
        raise ConfigurationError(f"The simulator cannot use {place}: {reason(exc)}.") from exc


async def _run(behaviour: HttpBehaviour, options: dict[str, Any], tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    contract = CONTRACTS[options["provider"]](options["token"])
    place = {"host": options["host"], "port": options["port"], "path": options["ledger"]}
    carrier, poster = HttpSimulator(contract, behaviour, tls=tls, keep=False, **place), _poster(options)
    carrier.poster, carrier.first = poster, int(time.time() * IDS_PER_SECOND)
    async with carrier:
        out.print(f"ready {options['provider']} {carrier.url}")
        sys.stdout.flush()
        send_texts(options["mo"], poster.reply)
        await stop.wait()
    counts = {**attrs.asdict(carrier.counts), **attrs.asdict(poster.counts)}.items()
    out.print(", ".join(f"{name} {count}" for name, count in counts))
