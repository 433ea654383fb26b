"""Requests that carry a token, where a provider wants one that comes from an address of its own."""

import asyncio
from http import HTTPStatus
from math import inf

from attrs import evolve

from smsfs.backends import MaySend, Throttled
from smsfs.backends.http.contract import LATER, Login, Request, Response, Token, Trouble, without_secrets
from smsfs.backends.http.transport import LostError, NotWrittenError, Transport

#: Of the time for which a token is good, it is used for so much.
SHARE = 0.9


class LoginError(Exception):
    """There is no token, so nothing of the request has left; ``verdict`` says why."""

    def __init__(self, verdict: Throttled | Trouble) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Door:
    """Sends requests to one carrier, each with a token if the carrier wants one; used in one event loop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._asking = asyncio.Lock()
        self._login: Login | None = None
        self._token: Token | None = None
        self._until = -inf

    async def send(self, login: Login | None, request: Request, may_send: MaySend) -> Response:
        """Send a request, and give the whole response.

        A token that the carrier takes no longer is replaced once: a request with it was certainly not taken.

        Raises:
            LoginError: there is no token.
            NotWrittenError: there was no connection to write to.
            NotAllowedError: ``may_send`` said no.
            LostError: it left, and no whole response came.
        """
        if login is None:
            return await self._transport.send(request, may_send)
        response = await self._sent(login, request, may_send)
        return (
            response
            if response.status != HTTPStatus.UNAUTHORIZED
            else await self._sent(login, request, may_send)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _sent(self, login: Login, request: Request, may_send: MaySend) -> Response:
        token = await self._current(login)
        headers = {**request.headers, login.header: f"{login.prefix}{token.text}"}
        response = await self._transport.send(evolve(request, headers=headers), may_send)
        if response.status == HTTPStatus.UNAUTHORIZED and self._token is token:
            self._token = None
        return without_secrets(response, [token.text])

    async def _current(self, login: Login) -> Token:
        """The token; requests that wait for one wait for the same."""
        now = asyncio.get_running_loop().time
        if token := self._good(login, now()):
            return token
        async with self._asking:
            if token := self._good(login, now()):
                return token
            began, self._token = now(), await self._asked(login)
            self._login = login
            self._until = began + self._token.seconds * SHARE if self._token.seconds else inf
            return self._token

    def _good(self, login: Login, now: float) -> Token | None:
        """The token that is there, if it may still be used."""
        return self._token if login == self._login and now < self._until else None

    async def _asked(self, login: Login) -> Token:
        try:
            response = await self._transport.send(login.request, lambda: True)
        except (LostError, NotWrittenError) as exc:
            raise NotWrittenError(f"there is no token to send with: {exc}") from exc
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR and response.status not in LATER:
            raise NotWrittenError(f"there is no token to send with: the answer is {response.status}")
        found = login.read(response)
        if isinstance(found, Token):
            return found
        raise LoginError(found)
