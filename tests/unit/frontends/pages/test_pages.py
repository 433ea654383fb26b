"""What the pages show to whom, and what they do."""

import asyncio
import re
import threading

import pytest

from smsfs.frontends.pages.desk import Desk
from tests.support.server import until

NASTY = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_an_owner_sees_nothing_of_others(house, run):
    """A customer would read, or find out about, the messages of another by counting numbers up."""

    async def scenario():
        theirs, own = house.submit(house.shop, "theirs"), house.submit(house.clinic, "own")
        async with house.open() as browser:
            owner = await browser("clinic")
            for path in (
                "/",
                "/files",
                "/messages?state=queued",
                "/messages?account=shop",
                "/messages?to=4512345601",
            ):
                text = (await owner.get(path)).text
                assert "theirs" not in text, path
                assert "Backends" not in text, path
            for path in (f"/files/{own}", f"/messages/{own}-1"):
                assert "own" in (await owner.get(path)).text, path
            missing = await owner.get("/files/999")
            for path in (
                f"/files/{theirs}",
                f"/files/{theirs}/cancel",
                f"/messages/{theirs}-1",
                f"/messages/{own}-9",
            ):
                answer = await owner.get(path)
                assert (answer.status, answer.text) == (404, missing.text), path
            assert (await owner.post(f"/files/{theirs}/cancel")).status == 404

    run(scenario())


@pytest.mark.parametrize("name", ["viewer", "clinic"])
def test_those_who_look_change_nothing(house, run, name):
    """Somebody who was let in to look could stop a campaign."""

    async def scenario():
        batch = house.submit(house.clinic)
        async with house.open() as browser:
            someone = await browser(name)
            assert "Cancel" not in (await someone.get(f"/files/{batch}")).text
            for verb in ("hold", "release", "cancel"):
                assert (await someone.get(f"/files/{batch}/{verb}")).status == 403
                answer = await someone.post(f"/files/{batch}/{verb}")
                assert (answer.status, "takes the role operator" in answer.text) == (403, True)
            assert "1 queued" in (await someone.get(f"/files/{batch}")).text

    run(scenario())


def test_an_operator_stops_a_file(house, run):
    """At night an operator with a phone could not stop a wrong text, nor see what was done."""

    async def scenario():
        batch = house.submit(house.clinic)
        async with house.open() as browser:
            operator = await browser("operator")
            for verb, told in (
                ("hold", "1 of 1 held"),
                ("release", "1 of 1 released"),
                ("cancel", "1 of 1 cancelled"),
            ):
                assert f"Now that would be: {told}." in (await operator.get(f"/files/{batch}/{verb}")).text
                done = await operator.post(f"/files/{batch}/{verb}")
                assert done.status == 303
                assert f"file {verb}: {told}." in (await operator.get(done.place)).text
            entry = house.store.audit.entries()[0]
            assert (entry.who, entry.verb, entry.result) == ("operator", "file cancel", "1 of 1 cancelled")
            assert re.fullmatch(r"page on \S+ from 127\.0\.0\.1", entry.origin)
            assert "1 cancelled" in (await operator.get(f"/files/{batch}")).text
            assert (await operator.get(f"/files/{batch}/delete")).status == 404
            other = house.submit(house.shop)
            elsewhere = await operator.get(f"/files/{other}?entry={entry.id}")
            assert "1 of 1 cancelled" not in elsewhere.text, "an answer is shown at its file alone"

    run(scenario())


def test_everything_is_text(house, run):
    """A client could have a script run in the browser of the operator who looks at its file."""

    async def scenario():
        batch = house.submit(house.clinic, NASTY.replace("/", ""), f"{NASTY} & more")
        bad = house.submit(house.clinic, "bad", number=f"{NASTY}")
        async with house.open() as browser:
            admin = await browser("admin")
            pages = ["/", "/files", f"/files/{batch}", f"/files/{bad}", f"/files/{batch}/cancel"]
            pages += [f"/messages/{batch}-1", "/messages?state=queued", f"/messages?sender={NASTY}"]
            texts = {path: (await admin.get(path)) for path in pages}
            assert {path: answer.status for path, answer in texts.items()} == dict.fromkeys(pages, 200)
            assert not any("<script" in answer.text for answer in texts.values())
            assert ESCAPED in texts[f"/messages/{batch}-1"].text
            assert ESCAPED in texts[f"/files/{bad}"].text, "a cause names what the row has"

    run(scenario())


def test_messages_are_found_with_the_filters_of_the_command(house, run):
    """An operator would have to log in to the host to find what became of a message."""

    async def scenario():
        batch = house.submit(house.clinic, number="4512345601")
        house.submit(house.shop, number="4512345602")
        async with house.open() as browser:
            viewer = await browser("viewer")
            assert "Messages found" not in (await viewer.get("/messages")).text
            for query in (
                "to=%2B45+12345601",
                "account=clinic",
                "file=a.ready&account=clinic",
                "since=1h&to=4512345601",
            ):
                text = (await viewer.get(f"/messages?{query}")).text
                assert f'<a href="/messages/{batch}-1">' in text, query
                assert "4512345602" not in text, query
            assert "none" in (await viewer.get("/messages?failed=on")).text
            history = (await viewer.get(f"/messages/{batch}-1")).text
            assert "What became of it" in history
            assert "4512345601" in history
            for query, word in (
                ("since=soon", "since &#39;soon&#39;"),
                ("state=lost", "lost"),
                ("account=x", "There is no account x"),
            ):
                answer = await viewer.get(f"/messages?{query}")
                assert (answer.status, word in answer.text) == (400, True), query

    run(scenario())


def test_files_are_listed_in_pages(house, run, monkeypatch):
    """With a year of files the list would take minutes to come, or leave the older ones out."""
    monkeypatch.setattr("smsfs.frontends.pages.desk.Desk.files.__defaults__", (2,))

    async def scenario():
        batches = [house.submit(house.clinic, stem) for stem in "abcde"]
        async with house.open() as browser:
            viewer = await browser("viewer")
            seen, path = [], "/files"
            while path:
                text = (await viewer.get(path)).text
                seen += map(int, re.findall(r'href="/files/(\d+)"', text))
                more = re.search(r'href="(/files\?before=\d+)"', text)
                path = more and more[1]
            assert seen == batches[::-1]
            assert (await viewer.get("/files?before=x")).status == 404

    run(scenario())


def test_the_first_page_says_what_waits(house, run):
    """An operator would not see that a carrier is away, or since when messages have waited."""

    async def scenario():
        batch = house.submit(house.clinic, "waits")
        async with house.open() as browser:
            viewer = await browser("viewer")
            text = (await viewer.get("/")).text
            assert f'that have not left is <a href="/files/{batch}">waits.' in text
            for word in ("Backends", "outbox", "no smsfs serve that has it runs", "Hosts"):
                assert word in text, word

    run(scenario())


def test_a_long_search_leaves_the_other_pages_alone(house, run, monkeypatch):
    """While somebody looks at a file of a million rows, nobody could see which carrier is away."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_):
        begun.set()
        assert go_on.wait(60)
        return {"found": [], "stopped": ""}

    monkeypatch.setattr(Desk, "messages", slow)

    async def scenario():
        async with house.open() as browser:
            viewer = await browser("viewer")
            searches = [asyncio.create_task(viewer.get("/messages?to=4512345601")) for _ in range(20)]
            await until(begun.is_set)
            assert (await viewer.get("/")).status == 200
            assert not any(search.done() for search in searches)
            go_on.set()
            assert {(await search).status for search in searches} == {200}

    run(scenario())
