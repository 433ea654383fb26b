"""The dialects there are, by name."""

from smsfs.dialects import Dialect
from smsfs.dialects.gatewayapi import GatewayApi
from smsfs.dialects.naxai import Naxai
from smsfs.dialects.smsportal import SmsPortal
from smsfs.errors import ConfigurationError

DIALECTS: dict[str, Dialect] = {known.name: known for known in (GatewayApi(), SmsPortal(), Naxai())}


def dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        ConfigurationError: there is none; the sentence names those there are.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        known = ", ".join(DIALECTS)
        raise ConfigurationError(f'There is no dialect "{name}"; there are: {known}.') from None
