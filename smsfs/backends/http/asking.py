"""Asks a carrier for the credit that is left, and what became of messages."""

import asyncio
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from smsfs.backends import Receipt
from smsfs.backends.http.contract import ACCOUNT, LATER, OK, REDIRECT, Response, status_words, without_secrets
from smsfs.backends.http.login import Door, LoginError
from smsfs.backends.http.options import HttpConfig
from smsfs.backends.http.providers import made
from smsfs.backends.http.transport import LostError, NotWrittenError, Transport
from smsfs.backends.tls import tls_context
from smsfs.errors import ConfigurationError

T = TypeVar("T")


class NotToldError(OSError):
    """A carrier did not tell what it was asked for; the text is a clause that says why."""


def credit_of(config: HttpConfig, folder: Path) -> str:
    """The credit that is left: a decimal number, and behind a blank the currency if it is known. Blocks.

    Args:
        config: of the carrier.
        folder: what relative paths of its files are relative to.

    Raises:
        NotToldError: it does not tell it, or not now.
    """
    return _told(_asked(config, folder))


def states_of(config: HttpConfig, folder: Path, ids: Sequence[str]) -> list[Receipt]:
    """What became of some messages, ``poll_rate`` questions per second. Blocks.

    Raises:
        NotToldError: it does not say, or not now; what it said before is for the next time.
    """
    return _told(_queried(config, folder, ids))


def _told(asked: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(asked)
    except (LostError, NotWrittenError) as exc:
        raise NotToldError(str(exc)) from exc
    except LoginError as exc:
        raise NotToldError("the carrier gives no token") from exc
    except ConfigurationError as exc:
        raise NotToldError(str(exc).rstrip(".")) from exc


def _door(config: HttpConfig, folder: Path) -> Door:
    """The way to a carrier, for one conversation; to be closed behind it."""
    return Door(Transport(config, tls_context(config.ca, folder, verify=config.verify)))


async def _queried(config: HttpConfig, folder: Path, ids: Sequence[str]) -> list[Receipt]:
    provider, found, asked = made(config, folder), list[Receipt](), set[str]()
    if provider.query is None:
        raise NotToldError("the carrier cannot be asked")
    door = _door(config, folder)
    try:
        for carrier_id in ids:
            query = provider.query(carrier_id)
            if query.request.path in asked:
                continue
            asked.add(query.request.path)
            response = await door.send(provider.login, query.request, lambda: True)
            response = without_secrets(response, provider.secrets)
            if response.status in LATER | ACCOUNT or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise NotToldError(f"the answer is {status_words(response.status)}")
            found += query.read(response) if OK <= response.status < REDIRECT else []
            await asyncio.sleep(1 / config.poll_rate)
    finally:
        await door.close()
    return found


async def _asked(config: HttpConfig, folder: Path) -> str:
    provider = made(config, folder)
    if provider.balance is None:
        raise NotToldError("the carrier tells no credit")
    door = _door(config, folder)
    try:
        response = await door.send(provider.login, provider.balance.request, lambda: True)
    finally:
        await door.close()
    return _read(provider.balance.read(without_secrets(response, provider.secrets)), response)


def _read(found: str, response: Response) -> str:
    if not found:
        raise NotToldError(f"the answer does not tell it: {status_words(response.status)}")
    return found
