"""The routes of the web page, and logging in to it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, get_args

import structlog
from aiohttp import web
from attrs import field, frozen

from smsfs.frontends.authenticator import NOT_CHECKED, CheckFailed, decided
from smsfs.frontends.bans import DoorBans
from smsfs.frontends.forwarded import caller_of
from smsfs.frontends.logins import Logins
from smsfs.frontends.pages.desk import Desk, Rows
from smsfs.frontends.pages.guard import Line, RefusedError, form, guarded
from smsfs.frontends.pages.render import STYLE, page
from smsfs.frontends.pages.sessions import MOST_SECONDS, Sessions, Who, form_token, new_secret
from smsfs.states import MessageState
from smsfs.store import Account, Batch, OperatorLogin, Store
from smsfs.store.orders import Action

#: Pages that wait for the store at a time; one more waits for these.
THREADS = 8
#: Of those that look at each message of a file: what they take of the processor, clients' sessions have less.
LONG_THREADS = 1
#: Logins that wait for their passwords to be checked.
MOST_LOGINS = 8
#: A longer name or password is not one.
MAX_FIELD = 1024
RETRY_SECONDS = "60"
FILTERS = ("account", "file", "to", "sender", "since", "until", "state")
NOT_FOUND = "There is nothing here, or it is not yours."
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)

T = TypeVar("T")
View = Callable[[web.Request, Who], Awaitable[web.Response]]
log = structlog.get_logger(frontend="web")


@frozen
class PageSettings:
    """How the pages are reached, and what is asked before a login.

    Attributes:
        line: how requests get here.
        bans: counts failed logins.
    """

    bans: DoorBans
    line: Line = field(factory=Line)


class Pages:
    """The pages of one server.

    Args:
        store: what they show.
        logins: checks passwords.
        rows: what the commands show.
        settings: how they are reached.
    """

    def __init__(self, store: Store, logins: Logins, rows: Rows, settings: PageSettings) -> None:
        self._store, self._logins, self._settings = store, logins, settings
        self._sessions, self._desk = Sessions(store), Desk(store, rows)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._long = ThreadPoolExecutor(LONG_THREADS, thread_name_prefix="long-page")
        self._waiting = 0
        prefix = "__Host-" if settings.line.secure else ""
        self._cookie, self._login_cookie = f"{prefix}smsfs", f"{prefix}smsfs-login"

    def routes(self) -> list[web.RouteDef]:
        """For ``WebServer``."""
        return [
            web.get("/style.css", self._open(_style)),
            web.get("/login", self._open(self._login_page)),
            web.post("/login", self._open(self._log_in)),
            web.post("/logout", self._private(self._log_out)),
            web.get("/", self._private(self._glance)),
            web.get("/files", self._private(self._files)),
            web.get("/files/{batch}", self._private(self._file)),
            web.get("/files/{batch}/{verb}", self._private(self._foresee)),
            web.post("/files/{batch}/{verb}", self._private(self._order)),
            web.get("/messages", self._private(self._messages)),
            web.get("/messages/{batch}-{row}", self._private(self._message)),
        ]

    def close(self) -> None:
        """Let the threads end."""
        self._settings.bans.close()
        for threads in (self._threads, self._long):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, step: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(step, *arguments))

    async def _run_long(self, step: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long, partial(step, *arguments))

    # -- who asks -----------------------------------------------------------------------------------------

    def _open(
        self, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A page that needs no login."""

        async def handle(request: web.Request) -> web.Response:
            return await guarded(self._settings.line, request, answer)

        return handle

    def _private(self, view: View) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A page for those who are logged in; what is posted comes from a form of ours."""

        async def answer(request: web.Request) -> web.Response:
            secret = request.cookies.get(self._cookie)
            who = await self._run(self._sessions.who, secret) if secret else None
            if who is None:
                if request.method == "POST":
                    raise RefusedError(401, "Your session has ended: log in again. Nothing was done.")
                return _redirect("/login")
            if request.method == "POST":
                await form(request, secret)
            return await view(request, who)

        return self._open(answer)

    def _page(self, request: web.Request, who: Who, template: str, **values: Any) -> web.Response:
        return page(template, who=who, token=form_token(request.cookies[self._cookie]), **values)

    async def _login_page(self, request: web.Request) -> web.Response:
        del request
        return self._login_form()

    def _login_form(self, status: int = 200, sentence: str = "") -> web.Response:
        secret = new_secret()
        response = page("login", status, sentence=sentence, token=form_token(secret))
        self._set_cookie(response, self._login_cookie, secret)
        return response

    def _set_cookie(self, response: web.Response, name: str, secret: str) -> None:
        response.set_cookie(
            name,
            secret,
            max_age=int(MOST_SECONDS),
            path="/",
            secure=self._settings.line.secure,
            httponly=True,
            samesite="Strict",
        )

    async def _log_in(self, request: web.Request) -> web.Response:
        fields = await form(request, request.cookies.get(self._login_cookie))
        name, password = fields.get("name", ""), fields.get("password", "")
        peer = caller_of(request, self._settings.line.proxies)
        if await self._settings.bans.ask(peer):
            return _later(429, "Too many logins failed from your address: try again later.")
        if self._waiting >= MOST_LOGINS:
            return _later(503, NOT_CHECKED)
        self._waiting += 1
        try:
            login = await self._checked(name, password, peer)
        finally:
            self._waiting -= 1
        if login is None:
            log.info("login_failed", peer=peer)
            await self._settings.bans.fail(peer)
            return self._login_form(401, "The name or the password is wrong.")
        log.info("login", peer=peer, name=login.name)
        response = _redirect("/")
        self._set_cookie(response, self._cookie, await self._run(self._sessions.begin, login))
        response.del_cookie(self._login_cookie, path="/", secure=self._settings.line.secure)
        return response

    async def _checked(self, name: str, password: str, peer: str) -> OperatorLogin | Account | None:
        """Whose name and password these are; an operator's name goes before an account's.

        Raises:
            RefusedError: it cannot be found out now.
        """
        if not name.isprintable() or max(len(name), len(password)) > MAX_FIELD:
            return None
        operator = await self._run(self._store.operators.find, name)
        asked = (
            self._logins.matches(operator.password, password)
            if operator
            else self._logins.password(name, password, peer)
        )
        try:
            right = await decided(asked, log.bind(peer=peer))
        except CheckFailed:
            right = None
        if right is None:
            raise RefusedError(503, NOT_CHECKED)
        if not right:
            return None
        return operator or await self._run(self._store.accounts.find, name)

    async def _log_out(self, request: web.Request, who: Who) -> web.Response:
        del who
        await self._run(self._sessions.end, request.cookies[self._cookie])
        response = _redirect("/login")
        response.del_cookie(self._cookie, path="/", secure=self._settings.line.secure)
        return response

    # -- what they see ------------------------------------------------------------------------------------

    async def _glance(self, request: web.Request, who: Who) -> web.Response:
        return self._page(request, who, "glance", **await self._run(self._desk.glance, who))

    async def _files(self, request: web.Request, who: Who) -> web.Response:
        before = _number(request.query["before"]) if "before" in request.query else None
        return self._page(request, who, "files", **await self._run(self._desk.files, who, before))

    async def _batch(self, request: web.Request, who: Who) -> Batch:
        batch = await self._run(self._desk.batch, who, _number(request.match_info["batch"]))
        if batch is None:
            raise RefusedError(404, NOT_FOUND)
        return batch

    async def _file(self, request: web.Request, who: Who) -> web.Response:
        batch = await self._batch(request, who)
        entry = _number(request.query["entry"]) if "entry" in request.query and who.may_act else None
        return self._page(request, who, "file", file=await self._run_long(self._desk.file, batch, entry))

    async def _asked(self, request: web.Request, who: Who) -> tuple[Batch, Action]:
        """What they want to do to which file.

        Raises:
            RefusedError: there is no such file or verb, or they may not.
        """
        batch = await self._batch(request, who)
        verb: Action | None = next(
            (verb for verb in get_args(Action) if verb == request.match_info["verb"]), None
        )
        if verb is None:
            raise RefusedError(404, NOT_FOUND)
        if not who.may_act:
            raise RefusedError(403, "You may look, and not change anything: that takes the role operator.")
        return batch, verb

    async def _foresee(self, request: web.Request, who: Who) -> web.Response:
        batch, verb = await self._asked(request, who)
        would = await self._run_long(self._desk.foresee, batch, verb)
        return self._page(request, who, "verb", batch=batch, verb=verb, would=would)

    async def _order(self, request: web.Request, who: Who) -> web.Response:
        batch, verb = await self._asked(request, who)
        peer = caller_of(request, self._settings.line.proxies)
        entry = await self._run(self._desk.order, who, peer, batch, verb)
        return _redirect(f"/files/{batch.id}?entry={entry}")

    async def _messages(self, request: web.Request, who: Who) -> web.Response:
        asked = {name: request.query.get(name, "").strip() or None for name in FILTERS}
        given = {**asked, "failed": "failed" in request.query}
        if who.account is not None:
            given["account"] = None
        found = await self._run_long(self._desk.messages, who, given) if any(given.values()) else None
        states = [state.value for state in MessageState]
        return self._page(request, who, "messages", asked=given, result=found, states=states)

    async def _message(self, request: web.Request, who: Who) -> web.Response:
        batch, row = (_number(request.match_info[name]) for name in ("batch", "row"))
        found = await self._run(self._desk.message, who, batch, row)
        if found is None:
            raise RefusedError(404, NOT_FOUND)
        return self._page(request, who, "message", message=found)


def _number(text: str) -> int:
    """A number of an address.

    Raises:
        RefusedError: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise RefusedError(404, NOT_FOUND)
    return int(text)


def _redirect(place: str) -> web.Response:
    return web.Response(status=303, headers={"Location": place})


def _later(status: int, sentence: str) -> web.Response:
    response = page("error", status, sentence=sentence)
    response.headers["Retry-After"] = RETRY_SECONDS
    return response


async def _style(request: web.Request) -> web.Response:
    del request
    return web.Response(text=STYLE, content_type="text/css")
