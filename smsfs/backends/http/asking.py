"""Asks a carrier for the credit that is left."""

import asyncio
from pathlib import Path

from smsfs.backends.http.contract import Response, status_words, without_secrets
from smsfs.backends.http.login import Door, LoginError
from smsfs.backends.http.options import HttpConfig
from smsfs.backends.http.providers import made
from smsfs.backends.http.transport import LostError, NotWrittenError, Transport
from smsfs.backends.tls import tls_context
from smsfs.errors import ConfigurationError


class CreditUnknownError(OSError):
    """A carrier did not tell its credit; the text is a clause that says why."""


def credit_of(config: HttpConfig, folder: Path) -> str:
    """The credit that is left: a decimal number, and behind a blank the currency if it is known. Blocks.

    Args:
        config: of the carrier.
        folder: what relative paths of its files are relative to.

    Raises:
        CreditUnknownError: it does not tell it, or not now.
    """
    try:
        return asyncio.run(_asked(config, folder))
    except (LostError, NotWrittenError) as exc:
        raise CreditUnknownError(str(exc)) from exc
    except LoginError as exc:
        raise CreditUnknownError("the carrier gives no token") from exc
    except ConfigurationError as exc:
        raise CreditUnknownError(str(exc).rstrip(".")) from exc


async def _asked(config: HttpConfig, folder: Path) -> str:
    provider = made(config, folder)
    if provider.balance is None:
        raise CreditUnknownError("the carrier tells no credit")
    door = Door(Transport(config, tls_context(config.ca, folder, verify=config.verify)))
    try:
        response = await door.send(provider.login, provider.balance.request, lambda: True)
    finally:
        await door.close()
    return _read(provider.balance.read(without_secrets(response, provider.secrets)), response)


def _read(found: str, response: Response) -> str:
    if not found:
        raise CreditUnknownError(f"the answer does not tell it: {status_words(response.status)}")
    return found
