"""``smsfs simulator``: a carrier to try things out on, over SMPP or HTTP."""

import asyncio
import re
import selectors
import signal
import ssl
import sys
from math import inf
from pathlib import Path
from typing import Any

import attrs
import click
import uvloop

from smsfs.backends.smpp.constants import Status
from smsfs.cli.simulator_http import CONTRACTS, SMPP, check_options, http_options, run_http
from smsfs.cli.simulator_texts import send_texts, text_option
from smsfs.cli.terminal import out
from smsfs.errors import ConfigurationError
from smsfs.frontends.listen_errors import reason
from smsfs.simulator import Behaviour, Simulator
from smsfs.simulator.receipts import FORMATS, ID_BASES


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as exc:
        raise click.BadParameter(f"{value!r} is no regular expression: {exc}.") from exc


def _reject(value: str) -> tuple[re.Pattern[str], int]:
    pattern, equals, status = value.rpartition("=")
    if not equals:
        raise click.BadParameter(f"{value!r} is not PATTERN=STATUS; write one such as ^4599=RINVDSTADR.")
    try:
        return _pattern(pattern), _status(status)
    except ValueError as exc:
        raise click.BadParameter(f"{status!r} is no status; write one such as RINVDSTADR or 0x0B.") from exc


def _receipts(value: str) -> dict[str, Any]:
    """The fields of the behaviour."""
    if value == "none":
        return {}
    if value == "before-response":
        return {"receipts_first": True}
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < inf:
        raise click.BadParameter(f"{value!r} is no time; write none, before-response or seconds.")
    return {"receipts": seconds}


@click.command()
@click.option(
    "--provider",
    default=SMPP,
    type=click.Choice([SMPP, *CONTRACTS]),
    show_default=True,
    help="Which carrier: an SMSC, or a provider with its HTTP interface.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=2775,
    type=click.IntRange(0, 65535),
    show_default="2775, and 8775 for HTTP",
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--latency", default=0.0, type=click.FloatRange(0), help="Seconds from a message to its answer."
)
@click.option(
    "--throughput",
    default=0.0,
    type=click.FloatRange(0),
    help="Messages a second; above it RTHROTTLED. 0: no limit.",
)
@click.option(
    "--queue",
    default=0,
    type=click.IntRange(0),
    help="Messages that may wait; above it RMSGQFUL. 0: no limit.",
)
@click.option(
    "--reject",
    "rejects",
    multiple=True,
    type=_reject,
    metavar="PATTERN=STATUS",
    help='Refuse messages in whose "RECIPIENT PART/PARTS" the pattern is found, with this status.',
)
@click.option(
    "--disconnect-after",
    default=0,
    type=click.IntRange(0),
    help="Cut each link when so many messages came over it.",
)
@click.option(
    "--no-answer",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="Share of the messages that are taken without an answer.",
)
@click.option(
    "--late",
    type=click.FloatRange(0),
    help="Answer those after all, after so many seconds.",
)
@click.option("--deaf", is_flag=True, help="Do not answer enquire_link.")
@click.option(
    "--receipts",
    default="none",
    type=_receipts,
    metavar="none|SECONDS|before-response",
    help="When receipts are sent.",
)
@click.option("--receipt-format", default="standard", type=click.Choice(list(FORMATS)), help="Their look.")
@click.option(
    "--undelivered", type=_pattern, metavar="PATTERN", help="Recipients to whom nothing can be delivered."
)
@click.option("--id-base", default="dec", type=click.Choice(list(ID_BASES)), help="How ids are written.")
@click.option("--system-id", default="", help="The only system_id that may bind.")
@click.option("--password", default="", help="The only password that may bind.")
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Write what came to a file.")
@click.option(
    "--mo",
    multiple=True,
    type=text_option,
    metavar="FROM:TO:TEXT|-",
    help="A text from a person; - reads them from standard input.",
)
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), help="Certificate: speak TLS.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its private key.")
@http_options
@click.pass_context
def simulator(ctx: click.Context, /, **options: Any) -> None:
    """Run an SMSC that speaks SMPP 3.4, or a provider that speaks HTTP; no message goes to anyone.

    It takes messages, answers as its options say, and writes each message it got, put together from its
    parts, to the ledger as a line of JSON. It runs until SIGTERM or Ctrl-C, and then prints what it counted.
    """
    options["port"] = check_options(ctx, options["provider"], options["port"])
    tls = _tls(options["tls_cert"], options["tls_key"])
    if options["provider"] != SMPP:
        run_http(options, tls)
        return
    options.update(options.pop("receipts"))
    names = {item.name for item in attrs.fields(Behaviour)}
    behaviour = Behaviour(**{name: value for name, value in options.items() if name in names})
    try:
        make = _precise_loop if behaviour.latency else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(_run(behaviour, options, tls))
    except OSError as exc:
        place = options["ledger"] if exc.filename else f"{options['host']}:{options['port']}"
        raise ConfigurationError(f"The simulator cannot use {place}: {reason(exc)}.") from exc


def _precise_loop() -> asyncio.AbstractEventLoop:
    """A loop that waits by select(), to the microsecond: uvloop would add up to 1 ms to each latency."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _run(behaviour: Behaviour, options: dict[str, Any], tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    smsc = Simulator(
        behaviour, host=options["host"], port=options["port"], tls=tls, path=options["ledger"], keep=False
    )
    async with smsc:
        out.print(f"ready smpp {smsc.host}:{smsc.port}")
        sys.stdout.flush()
        send_texts(options["mo"], smsc.send)
        await stop.wait()
    out.print(", ".join(f"{name} {count}" for name, count in attrs.asdict(smsc.counts).items()))


def _status(text: str) -> int:
    """A status by its name, with or without ``ESME_``, or by its number."""
    name = text.upper().removeprefix("ESME_")
    return Status[name] if name in Status.__members__ else int(text, 0)


def _tls(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigurationError(f"The certificate {cert} and its key cannot be used ({exc}).") from exc
    return context
