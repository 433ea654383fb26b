"""The process that hands messages to backends."""

import asyncio
import gc
import sys
import threading
from typing import TYPE_CHECKING, cast

import structlog
import uvloop

from smsfs.backends.mending import Mending
from smsfs.backends.options import BackendConfig
from smsfs.backends.outbox import Outbox
from smsfs.backends.outbox_options import OutboxConfig
from smsfs.config import Config
from smsfs.pipeline.dispatch.dispatcher import Dispatcher
from smsfs.pipeline.dispatch.routes import BreakerRules, Route
from smsfs.pipeline.dispatch.windows import reopening
from smsfs.pipeline.turns import Weights
from smsfs.pipeline.wing import Wing
from smsfs.store import Store

if TYPE_CHECKING:
    from smsfs.backends.http.options import HttpConfig
    from smsfs.backends.smpp.options import SmppConfig

#: A thread that stores lets the links go on after so long: Python's own 5 ms are as long as a carrier takes.
SWITCH_SECONDS = 0.0005

log = structlog.get_logger()


def start(wing: Wing) -> None:
    """Hand messages over until the end."""
    gc.freeze()  # what is there now stays, and is not looked through again and again
    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(_dispatch(wing))


async def _dispatch(wing: Wing) -> None:
    config, store = wing.config, wing.store
    routes = [_route(config, name, options) for name, options in config.backends.items()]
    rules = BreakerRules(config.pipeline.breaker_failures, config.pipeline.breaker_seconds)
    owner, reopen = wing.register(), reopening(store, wing.dialect)
    dispatcher = Dispatcher(store, owner, routes, rules, reopen, Weights(store, wing.dialect))
    _warn_of_strays(store, config)
    if polled := [name for name, options in config.backends.items() if options.polled]:
        from smsfs.pipeline.dispatch.polling import start_polls  # noqa: PLC0415 -- as with the backends below

        sections = {name: cast("HttpConfig", config.backends[name]) for name in polled}
        start_polls(store, owner, sections, config.data, wing.ended)
    watch = asyncio.create_task(_stop_at(wing.ended, dispatcher))
    await dispatcher.run()
    await watch


async def _stop_at(ended: threading.Event, dispatcher: Dispatcher) -> None:
    while not ended.is_set():  # noqa: ASYNC110 -- a thread sets it, and a thread waiting for it could not be cancelled
        await asyncio.sleep(0.05)
    dispatcher.stop()


def _route(config: Config, name: str, options: BackendConfig) -> Route:
    """A route whose backend is made as soon as it can be: a fault in one holds up no other."""
    if isinstance(options, OutboxConfig):
        kind = {"idempotent": Outbox.idempotent, "traceable": Outbox.traceable}
        backend = Mending(name, lambda: Outbox(config.data / options.path, options.keep_days), **kind)
    elif options.type == "smpp":
        backend = _smpp(config, name, options)
    else:
        backend = _http(config, name, options)
    return Route(name, backend, options.on_unknown)


def _smpp(config: Config, name: str, options: BackendConfig) -> Mending:
    from smsfs.backends.smpp.client import SmppBackend  # noqa: PLC0415 -- not every host has such a carrier

    smpp = cast("SmppConfig", options)
    kind = {"idempotent": SmppBackend.idempotent, "traceable": smpp.bind != "transmitter"}
    return Mending(name, lambda: SmppBackend(name, smpp, config.data), **kind)


def _http(config: Config, name: str, options: BackendConfig) -> Mending:
    from smsfs.backends.http.client import HttpBackend  # noqa: PLC0415 -- as above, and aiohttp is large
    from smsfs.backends.http.providers import kind_of  # noqa: PLC0415 -- as above

    http = cast("HttpConfig", options)
    known = kind_of(http)
    kind = {"idempotent": known.idempotent, "traceable": known.traceable}
    server = config.web.public_url if config.web else ""
    return Mending(name, lambda: HttpBackend(name, http, config.data, server), **kind)


def _warn_of_strays(store: Store, config: Config) -> None:
    for backend, messages in store.queue.backlog().items():
        if backend not in config.backends:
            log.warning("no_such_backend", backend=backend, messages=messages)
