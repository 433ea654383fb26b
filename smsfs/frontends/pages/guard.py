"""What every page has in common: a private line, its headers, posted forms, and errors as pages."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

import structlog
from aiohttp import web
from attrs import frozen

from smsfs.errors import ConfigurationError, StoreConflict, StoreDamaged, StoreUnavailable
from smsfs.frontends.pages.render import page
from smsfs.frontends.pages.sessions import form_token
from smsfs.frontends.proxy import is_within
from smsfs.ranges import Network

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: How long a form may take to come, in seconds.
READ_SECONDS = 10.0
FORM = "application/x-www-form-urlencoded"

log = structlog.get_logger(frontend="web")


class RefusedError(Exception):
    """A request is not answered with what it asks for: the status, and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status, self.sentence = status, sentence


@frozen
class Line:
    """How requests get here.

    Attributes:
        tls: this server speaks TLS itself.
        proxies: whose word counts about who calls, and that speak TLS with browsers.
    """

    tls: bool = False
    proxies: Sequence[Network] = ()

    @property
    def secure(self) -> bool:
        """Whether browsers speak TLS, so that cookies can be kept to that."""
        return self.tls or bool(self.proxies)

    def check(self, peer: str) -> None:
        """Check that nobody reads along: over TLS, from a proxy of ours, or on this host.

        Raises:
            RefusedError: somebody could.
        """
        if not (self.tls or is_within(peer, self.proxies) or _is_here(peer)):
            raise RefusedError(403, "This page is for HTTPS: others could read along here.")


async def guarded(
    line: Line, request: web.Request, answer: Callable[[web.Request], Awaitable[web.Response]]
) -> web.Response:
    """The answer to a request, or a page that says why there is none; with the headers of every page."""
    try:
        line.check(request.remote or "")
        response = await answer(request)
    except RefusedError as exc:
        response = page("error", exc.status, sentence=exc.sentence)
    except ConfigurationError as exc:
        response = page("error", 400, sentence=str(exc))
    except (StoreUnavailable, StoreDamaged, StoreConflict) as exc:
        response = page("error", 503, sentence=str(exc))
    except web.HTTPException as exc:
        response = page("error", exc.status, sentence="The request cannot be answered.")
    except Exception:
        log.exception("page_failed", path=request.path)
        response = page("error", 500, sentence="This page failed; the log of the server says why.")
    response.headers.update(HEADERS)
    return response


async def form(request: web.Request, secret: str | None) -> dict[str, str]:
    """The fields of a form that was posted from one of our pages.

    Args:
        request: with the form.
        secret: that the browser's cookie holds, from which the form's token is made.

    Raises:
        RefusedError: it is no such form.
    """
    if request.content_type != FORM:
        raise RefusedError(403, "This is no form of these pages.")
    try:
        fields = await asyncio.wait_for(request.post(), READ_SECONDS)
    except (TimeoutError, ValueError, OSError, web.RequestPayloadError):
        raise RefusedError(400, "The form did not come whole.") from None
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    expected = form_token(secret) if secret else ""
    given = texts.get("token", "")
    if not secret or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise RefusedError(
            403, "The form was not sent from this session: go back, load the page, and send it again."
        )
    return texts


def _is_here(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
