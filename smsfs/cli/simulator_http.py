"""``smsfs simulator --provider``: a provider with its HTTP interface to try things out on."""

import asyncio
import re
import signal
import ssl
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import click
from click.core import ParameterSource

from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.frontends.listen_errors import reason
from smsfs.simulator.http import FAULTS, HttpBehaviour, HttpSimulator
from smsfs.simulator.http.bulksms import BulkSms
from smsfs.simulator.http.gatewayapi import GatewayApi
from smsfs.simulator.http.infobip import Infobip
from smsfs.simulator.http.kannel import Kannel
from smsfs.simulator.http.naxai import Naxai
from smsfs.simulator.http.own import Own
from smsfs.simulator.http.smsportal import SmsPortal
from smsfs.simulator.http.taken import Contract
from smsfs.simulator.http.twilio import Twilio
from smsfs.simulator.http.vonage import Vonage

SMPP, HTTP_PORT = "smpp", 8775
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
HTTP = {"token", "faults", "retry_after", "refuse", "error"}

Command = TypeVar("Command", bound=Callable[..., Any])


def _fault(value: str) -> tuple[str, float]:
    name, _, share = value.partition("=")
    if name not in FAULTS:
        raise click.BadParameter(f"{name!r} is no fault; there are {', '.join(FAULTS)}.")
    try:
        found = float(share or 1)
    except ValueError:
        found = -1
    if not 0 <= found <= 1:
        raise click.BadParameter(f"{share!r} is no share; write one from 0 to 1, such as {name}=0.1.")
    return name, found


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
            type=_fault,
            metavar="NAME[=SHARE]",
            help=f"HTTP: what goes wrong, with a share of the requests or with all: {', '.join(FAULTS)}.",
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
    own = provider != SMPP and ctx.get_parameter_source("port") is ParameterSource.DEFAULT
    return HTTP_PORT if own else port


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
    async with HttpSimulator(contract, behaviour, tls=tls, keep=False, **place) as carrier:
        out.print(f"ready {options['provider']} {carrier.url}")
        sys.stdout.flush()
        await stop.wait()
    counts = attrs.asdict(carrier.counts).items()
    out.print(", ".join(f"{name} {count}" for name, count in counts))
