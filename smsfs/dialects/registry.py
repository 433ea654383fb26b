"""The dialects there are, by name; each is imported when it is first asked for: most hosts need one."""

from functools import cache
from importlib import import_module
from typing import cast

from smsfs.dialects import Dialect
from smsfs.errors import ConfigurationError

#: Dialect -> its class, in the module of that name.
DIALECTS = {
    "gatewayapi": "GatewayApi",
    "smsportal": "SmsPortal",
    "naxai": "Naxai",
    "smstools": "SmsTools",
    "bulksms": "BulkSms",
    "clickatell": "Clickatell",
}


@cache
def dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        ConfigurationError: there is none; the sentence names those there are.
    """
    if name not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise ConfigurationError(f'There is no dialect "{name}"; there are: {known}.')
    return cast("Dialect", getattr(import_module(f"smsfs.dialects.{name}"), DIALECTS[name])())
