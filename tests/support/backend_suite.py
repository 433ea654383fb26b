"""The contract of a backend as tests that every one must pass.

Derive a class whose name starts with ``Test`` from ``BackendSuite`` and override its fixtures::

    class TestMyBackend(BackendSuite):
        @pytest.fixture
        def backend(self):
            return MyBackend(...)

        @pytest.fixture
        def arrived(self):
            return lambda: [key for key in ...]  # the keys of the messages that went out
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from smsfs.backends import UP, Accepted, Answer, Backend, Envelope, MaySend, Rejected, Throttled, Unknown
from smsfs.sms import segments
from smsfs.sms.message import Message
from tests.support.server import until

SECONDS = 60.0
SLICES = 5
SUBMITTED = 1_700_000_000.0
TEXTS = ("hello", "caf\u00e9 \u20ac", 'line\nbreak "quoted"', "\u4f60\u597d \U0001f600", "x" * 1000)


def envelope(
    row: int, *, batch: int = 1, attempt: int = 1, text: str = "hello", parts: int | None = None
) -> Envelope:
    """A message on its way out; its key is made as the dispatcher makes it, and its recipient of the key."""
    encoding, counted = segments.count(text)
    recipient = f"45{batch:03d}{row:05d}"
    message = Message(row, recipient, text, "Shop", "standard", f"ref{row}", encoding, parts or counted)
    return Envelope(f"{batch}-{row}", "shop", "a.20231114T221320.success", SUBMITTED, attempt, message)


class Answers:
    """What a backend answered, in order."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Answer]] = []

    def __call__(self, envelope: Envelope, answer: Answer) -> None:
        """Note an answer."""
        self.given.append((envelope.key, answer))

    @property
    def accepted(self) -> list[str]:
        """The keys of accepted messages."""
        return [key for key, answer in self.given if isinstance(answer, Accepted)]


class BackendSuite:
    """What the dispatcher relies on."""

    @pytest.fixture
    def backend(self) -> Backend:
        """The backend under test, not started."""
        raise NotImplementedError("override the fixture backend")

    @pytest.fixture
    def arrived(self) -> Callable[[], list[str]]:
        """Tells the keys of the messages that went out, in order."""
        raise NotImplementedError("override the fixture arrived")

    def test_backend_says_what_it_is(self, backend: Backend) -> None:
        """The dispatcher would not know how much to hand over, or whether asking again is safe."""
        assert isinstance(backend.idempotent, bool)
        assert isinstance(backend.traceable, bool)

    def test_backend_comes_up(self, backend: Backend) -> None:
        """Nothing would ever be handed over to it."""
        found = []

        async def look() -> None:
            await _started(backend)
            found.append((backend.slices, backend.state()))
            await backend.stop()

        _run(look())
        [(slices, state)] = found
        assert slices >= 1
        assert state == UP

    def test_every_message_is_answered_once(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A message would be taken for unknown and sent again."""
        batch = [envelope(row) for row in range(1, 501)]
        answers = _submit(backend, [batch])
        keys = [item.key for item in batch]
        assert sorted(key for key, _ in answers.given) == sorted(keys)
        assert all(
            isinstance(answer, Accepted | Rejected | Throttled | Unknown) for _, answer in answers.given
        )
        assert sorted(answers.accepted) == sorted(arrived())

    def test_accepted_messages_are_known_by_an_id(self, backend: Backend) -> None:
        """A receipt could not be matched with its message."""
        answers = _submit(backend, [[envelope(row, text="x" * 400) for row in range(1, 20)]])
        accepted = [answer for _, answer in answers.given if isinstance(answer, Accepted)]
        assert accepted
        ids = [part for answer in accepted for part in (answer.id, *answer.more)]
        assert all(ids)
        assert len(set(ids)) == len(ids)
        assert {answer.parts for answer in accepted} == {3}

    def test_any_text_passes(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A message with an unusual character would take the others of its slice along."""
        batch = [envelope(row, text=text) for row, text in enumerate(TEXTS, 1)]
        answers = _submit(backend, [batch])
        assert sorted(answers.accepted) == sorted(arrived()) == sorted(item.key for item in batch)

    def test_slices_go_out_at_the_same_time(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """Messages of two slices would be mixed up, or lost between them."""
        slices = [[envelope(row, batch=number) for row in range(1, 101)] for number in range(SLICES)]
        answers = _submit(backend, slices)
        keys = sorted(item.key for batch in slices for item in batch)
        assert sorted(answers.accepted) == sorted(arrived()) == keys

    def test_nothing_to_send_is_no_error(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A slice of which everything expired would stop the backend."""
        assert _submit(backend, [[]]).given == []
        assert arrived() == []

    def test_second_attempt_has_the_same_key(
        self, backend: Backend, arrived: Callable[[], list[str]]
    ) -> None:
        """A message sent again could not be told from a new one, or would be sent twice where keys count."""
        _submit(backend, [[envelope(1)]])
        answers = _submit(backend, [[envelope(1, attempt=2)]])
        assert answers.accepted == ["1-1"]
        assert arrived() == (["1-1"] if backend.idempotent else ["1-1", "1-1"])

    def test_backend_can_be_started_again(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A restart would forget or damage what went out before."""
        for number in range(3):
            assert len(_submit(backend, [[envelope(1, batch=number)]]).accepted) == 1
        assert arrived() == ["0-1", "1-1", "2-1"]

    def test_nothing_leaves_without_a_term(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A host that was taken for dead would send what another is sending."""
        answers = Answers()
        _run(_used(backend, [[envelope(1), envelope(2)]], answers, may_send=lambda: False))
        assert arrived() == []
        assert all(isinstance(answer, Throttled) for _, answer in answers.given)

    def test_what_is_called_back_never_leaves(
        self, backend: Backend, arrived: Callable[[], list[str]]
    ) -> None:
        """A message would be put back into the queue and leave all the same."""
        answers, batch = Answers(), [envelope(row) for row in range(1, 501)]

        async def used() -> None:
            await _started(backend)
            sending = asyncio.create_task(backend.submit(batch, answers, lambda: True))
            await asyncio.sleep(0)
            backend.recall(lambda _: True)
            await sending
            await backend.stop()

        _run(used())
        assert len(answers.given) == len(batch)
        assert sorted(answers.accepted) == sorted(arrived())

    def test_unused_backend_stops(self, backend: Backend, arrived: Callable[[], list[str]]) -> None:
        """A server with nothing to send would not end."""
        _run(_used(backend, [], Answers()))
        assert arrived() == []


def _submit(backend: Backend, slices: Sequence[Sequence[Envelope]]) -> Answers:
    """Start the backend, hand slices over together, and stop it."""
    answers = Answers()
    _run(_used(backend, slices, answers))
    return answers


async def _used(
    backend: Backend,
    slices: Sequence[Sequence[Envelope]],
    answers: Answers,
    may_send: MaySend = lambda: True,
) -> None:
    await _started(backend)
    try:
        await asyncio.gather(*(backend.submit(batch, answers, may_send) for batch in slices))
    finally:
        await backend.stop()


async def _started(backend: Backend) -> None:
    """A backend may take a moment until it wants anything."""
    await backend.start()
    await until(lambda: backend.slices, "the backend to want messages")


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, SECONDS))
