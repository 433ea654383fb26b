"""The pages of a store with files of two accounts, and browsers that look at them."""

import asyncio
import re
from contextlib import asynccontextmanager, closing

import pytest
import uvloop
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from smsfs.cli.page import rows_of
from smsfs.config import Config, StoreConfig
from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.logins import Logins, hash_password
from smsfs.frontends.pages import Pages, PageSettings
from smsfs.frontends.pages.guard import Line
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.store import NewEntry
from smsfs.store.bans import BanRules
from smsfs.store.postgresql import PostgresStore
from smsfs.store.sqlite import SqliteStore

LIMIT = 60
PASSWORD = "correct-horse"
HASH = hash_password(PASSWORD)
#: Failed logins that ban.
AFTER = 3
#: What a client might try to have run in an operator's browser.
NASTY = "<script>alert(1)</script>"
TOKEN = re.compile(r'name="token" value="([^"]*)"')


class Answer:
    """What a browser got."""

    def __init__(self, response, text):
        self.status, self.headers, self.text = response.status, response.headers, text
        self.place = response.headers.get("Location")


class Browser:
    """Keeps cookies, and posts forms with the token of the page that it looked at last."""

    def __init__(self, client):
        self.client, self.token = client, ""

    async def ask(self, method, path, **options):
        """The answer to a request; redirections are not followed."""
        async with self.client.request(method, path, allow_redirects=False, **options) as response:
            return Answer(response, await response.text())

    async def get(self, path):
        """A page."""
        answer = await self.ask("GET", path)
        found = TOKEN.findall(answer.text)
        self.token = found[-1] if found else self.token
        return answer

    async def post(self, path, **fields):
        """Send a form."""
        return await self.ask("POST", path, data={"token": self.token, **fields})

    async def log_in(self, name, password=PASSWORD):
        """Log in; the answer to the form."""
        await self.get("/login")
        answer = await self.post("/login", name=name, password=password)
        if answer.status == 303:
            await self.get("/")
        return answer


class House:
    """A store with files, and its pages."""

    def __init__(self, store):
        self.store = store
        self.owner = store.register("test")
        self.clinic, self.shop = self._account("clinic"), self._account("shop")
        self.pages = None
        for role in ("viewer", "operator", "admin"):
            store.operators.add(role, role, HASH, NewEntry(store.now(), "test", "test", "operator add", role))

    def _account(self, name):
        made = self.store.accounts.add(name, "gatewayapi", {}, self.store.now())
        self.store.accounts.set_password(made.id, HASH)
        return self.store.accounts.find(name)

    def submit(self, account, stem="a", text="Hello", number="4512345601"):
        """A file of one message that was read; the number of its batch."""
        now, content = self.store.now(), self.store.contents.create()
        data = f"msisdn,message\n{number},{text}\n".encode()
        writer = self.store.contents.open_write(content)
        writer.write(0, data)
        writer.sync()
        writer.close()
        with self.store.files.change(account.id) as files:
            file = files.add(account.id, f"upload{content}", content, now)
            files.resize(file.id, len(data), now)
            batch = files.submit(file, f"{stem}.processing", stem, (), now, now)
        assert Intake(self.store, self.owner, dialect, IntakeRules("out")).step()
        return batch

    @asynccontextmanager
    async def open(self, line=None):
        """The pages, until the end of the block; gives browsers."""
        logins = Logins(self.store, Filesystems(self.store, self.owner, dialect))
        ledger, rules = Ledger(self.store), BanRules(AFTER, 600, 600)
        bans = DoorBans("web", AddressLimits(64, 64, AFTER, 600, 600), rules, ledger)
        rows = rows_of(Config(StoreConfig("sqlite:///nowhere")), self.store)
        self.pages = Pages(self.store, logins, rows, PageSettings(bans, line or Line()))
        application, clients = web.Application(), []
        application.add_routes(self.pages.routes())
        server = TestServer(application)
        await server.start_server()

        async def browser(name=None):
            clients.append(TestClient(server, cookie_jar=CookieJar(unsafe=True)))
            made = Browser(clients[-1])
            if name:
                assert (await made.log_in(name)).status == 303
            return made

        try:
            yield browser
        finally:
            for client in clients:
                await client.close()
            await server.close()
            self.pages.close()
            ledger.close()
            logins.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, tmp_path):
    """The house, on each engine."""
    if request.param == "sqlite":
        store = SqliteStore(tmp_path / "smsfs.db")
    else:
        store = PostgresStore(request.getfixturevalue("database"))
    with closing(store):
        yield House(store)


@pytest.fixture
def run():
    """Runs a coroutine with a bound on its time."""
    return lambda scenario: uvloop.run(asyncio.wait_for(scenario, LIMIT))
