"""Who gets in to the pages, and for how long."""

import pytest

from smsfs.frontends.pages import sessions
from smsfs.frontends.pages.guard import Line, RefusedError
from smsfs.ranges import networks
from smsfs.store import NewEntry

PARTS = {"{batch}": "1", "{verb}": "cancel", "{row}": "1"}
OPEN = {("GET", "/style.css"), ("GET", "/login"), ("POST", "/login")}
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def all_routes(house):
    """Each page, with a path that there could be."""
    for route in house.pages.routes():
        path = route.path
        for part, value in PARTS.items():
            path = path.replace(part, value)
        yield route.method, path


def test_nothing_is_shown_without_a_login(house, run):
    """Anybody who gets to the address would read people's messages, or run what a page holds."""

    async def scenario():
        async with house.open() as browser:
            stranger = await browser()
            for method, path in all_routes(house):
                answer = await stranger.ask(method, path, data={} if method == "POST" else None)
                assert answer.headers["Content-Security-Policy"] == POLICY
                if (method, path) not in OPEN:
                    assert (answer.status, answer.place) == (
                        (303, "/login") if method == "GET" else (401, None)
                    )
            assert (await stranger.ask("GET", "/", headers={"Cookie": "smsfs=guess"})).place == "/login"

    run(scenario())


def test_every_form_needs_the_token_of_its_session(house, run):
    """A page of somebody else could cancel a file with the browser of an operator who visits it."""

    async def scenario():
        batch = house.submit(house.clinic)
        async with house.open() as browser:
            operator, other, stranger = await browser("operator"), await browser("admin"), await browser()
            await stranger.get("/login")
            for token in ("", "0" * 64, other.token):
                for path in (f"/files/{batch}/cancel", "/logout"):
                    answer = await operator.post(path, token=token)
                    assert (answer.status, "not sent from this session" in answer.text) == (403, True)
                answer = await stranger.post("/login", name="admin", password="correct-horse", token=token)
                assert answer.status == 403
            sent = await operator.ask("POST", f"/files/{batch}/cancel", json={"token": operator.token})
            assert sent.status == 403
            assert [entry.verb for entry in house.store.audit.entries()] == ["operator add"] * 3
            assert (await operator.get("/")).status == 200, "the session goes on"

    run(scenario())


def test_guessing_passwords_is_stopped(house, run):
    """Somebody could try passwords until one fits, at a door that the bans do not know."""

    async def scenario():
        async with house.open() as browser:
            guest = await browser()
            for name in ("admin", "clinic", "nobody"):
                answer = await guest.log_in(name, "guessed")
                assert (answer.status, "name or the password is wrong" in answer.text) == (401, True)
            answer = await guest.log_in("admin")
            assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        (ban,) = house.store.bans.all(house.store.now())
        assert ban.reason == "3 failed logins, the last over web"

    run(scenario())


def test_behind_a_proxy_the_caller_is_banned(house, run):
    """One who guesses passwords would have the proxy banned, and everybody behind it."""

    async def scenario():
        async with house.open(Line(proxies=networks("trusted_proxies", ["127.0.0.1"]))) as browser:
            guest = await browser()
            form = await guest.get("/login")
            cookie = form.headers["Set-Cookie"].partition(";")[0]
            fields = {"token": guest.token, "name": "admin", "password": "guessed"}
            for address, status in (("192.0.2.7", 401),) * 3 + (("192.0.2.7", 429), ("192.0.2.8", 401)):
                sent = {"Cookie": cookie, "X-Forwarded-For": f"127.0.0.9, {address}"}
                assert (await guest.ask("POST", "/login", data=fields, headers=sent)).status == status
        assert [ban.address for ban in house.store.bans.all(house.store.now())] == ["192.0.2.7"]

    run(scenario())


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "MOST_SECONDS"])
def test_sessions_end(house, run, monkeypatch, limit):
    """Whoever finds a browser that was left open would see the messages days later."""

    async def scenario():
        async with house.open() as browser:
            viewer = await browser("viewer")
            with monkeypatch.context() as patch:
                patch.setattr(sessions, limit, -1.0)
                assert (await viewer.get("/")).place == "/login"
            assert (await viewer.get("/")).place == "/login", "it does not come back"

    run(scenario())


def test_those_who_are_shut_out_are_out_at_once(house, run):
    """A dismissed operator, or a customer with a new password, would go on reading."""

    async def scenario():
        store = house.store
        async with house.open() as browser:
            viewer, owner, admin = await browser("viewer"), await browser("clinic"), await browser("admin")
            store.operators.remove("viewer", NewEntry(store.now(), "t", "t", "operator remove", "viewer"))
            store.accounts.set_password(house.clinic.id, "other")
            assert (await admin.post("/logout")).place == "/login"
            for someone in (viewer, owner, admin):
                assert (await someone.get("/")).place == "/login"

    run(scenario())


def test_cookies_are_for_this_page_alone(house, run):
    """A script, another site, or somebody on the network could take a session over."""

    async def scenario():
        for line, name, secure in (
            (Line(), "smsfs-login", False),
            (Line(tls=True), "__Host-smsfs-login", True),
        ):
            async with house.open(line) as browser:
                cookie = (await (await browser()).get("/login")).headers["Set-Cookie"]
                assert cookie.startswith(f"{name}=")
                assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
                assert ("Secure" in cookie.split("; ")) is secure
        async with house.open() as browser:
            guest = await browser()
            assert "smsfs=" in (await guest.log_in("viewer")).headers["Set-Cookie"]

    run(scenario())


def test_the_store_knows_no_secret(house, run):
    """Who reads the store, or a copy of it, could go on with somebody's session."""

    async def scenario():
        async with house.open() as browser:
            viewer = await browser("viewer")
            (secret,) = [cookie.value for cookie in viewer.client.session.cookie_jar if cookie.key == "smsfs"]
            assert house.store.operators.session(secret.encode()) is None
            assert house.store.operators.session(sessions._hash(secret)).token != secret.encode()

    run(scenario())


@pytest.mark.parametrize(
    ("line", "peer", "is_private"),
    [
        (Line(), "127.0.0.1", True),
        (Line(), "::1", True),
        (Line(), "192.0.2.7", False),
        (Line(proxies=networks("trusted_proxies", ["192.0.2.0/24"])), "192.0.2.7", True),
        (Line(proxies=networks("trusted_proxies", ["192.0.2.0/24"])), "198.51.100.7", False),
        (Line(tls=True), "198.51.100.7", True),
    ],
)
def test_passwords_do_not_cross_the_network_in_clear(line, peer, is_private):
    """Who comes past the proxy that speaks TLS would send a password that others can read."""
    if is_private:
        line.check(peer)
    else:
        with pytest.raises(RefusedError, match="This page is for HTTPS"):
            line.check(peer)
