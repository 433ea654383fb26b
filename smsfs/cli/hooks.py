"""The webhooks that the configuration asks for."""

import structlog

from smsfs.backends.http.options import HookedConfig
from smsfs.backends.http.providers import HOOKS, hook_secrets
from smsfs.config import Config
from smsfs.errors import ConfigurationError
from smsfs.frontends.hooks import Door, Hooks
from smsfs.pipeline.dispatch.arrivals import Arrivals
from smsfs.ranges import networks
from smsfs.sections import WebConfig
from smsfs.store import Store

log = structlog.get_logger()


def hooks_of(config: Config, store: Store) -> Hooks:
    """All webhooks; one whose secrets cannot be read is left out, and the provider calls again."""
    doors, shut, arrivals = dict[str, Door](), set[str](), Arrivals(store)
    for name, options in config.backends.items():
        if not isinstance(options, HookedConfig) or not options.hooked:
            continue
        try:
            token, secret = hook_secrets(options, config.data)
        except ConfigurationError as exc:
            log.warning("hook_left_out", backend=name, reason=str(exc))
            shut.add(name)
            continue
        hook, sources = HOOKS[type(options)](options), networks("hook_from", options.hook_from)
        doors[name] = Door(token, secret, hook, arrivals.of(name), sources, options.window)
    web = config.web or WebConfig()
    return Hooks(doors, web.public_url, shut, networks("trusted_proxies", web.trusted_proxies))
