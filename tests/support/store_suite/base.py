"""Fixtures of the suite, and short ways to the states its tests start from."""

from collections.abc import Callable, Iterator

import pytest

from smsfs.store import Account, Batch, File, NewSlice, Process, Slice, Store, Verdict

#: The moment at which tests happen.
NOW = 1_700_000_000.0
DAY = 86_400.0


class StoreFixtures:
    """What tests are given; an engine overrides ``opener``, and what is not 0 seconds with it."""

    #: How long a submission may take to be noticed by other processes.
    notice_seconds = 0.05
    #: How long a killed process counts as alive.
    death_seconds = 0.0

    @pytest.fixture
    def opener(self) -> Callable[[], Store]:
        """Opens the store under test, each time as another process would; it can be pickled."""
        raise NotImplementedError("override the fixture opener")

    @pytest.fixture
    def store(self, opener: Callable[[], Store]) -> Iterator[Store]:
        """The store."""
        store = opener()
        yield store
        store.close()

    @pytest.fixture
    def other(self, opener: Callable[[], Store]) -> Iterator[Store]:
        """The same store as another process has it."""
        store = opener()
        yield store
        store.close()

    @pytest.fixture
    def account(self, store: Store) -> Account:
        """An account."""
        return store.accounts.add("shop", "gatewayapi", {}, NOW)

    @pytest.fixture
    def owner(self, store: Store) -> Process:
        """A running process."""
        return store.register("test")


def draft(store: Store, account: Account, path: str = "a.csv", data: bytes = b"12345") -> File:
    """A complete draft with these bytes."""
    content = store.contents.create()
    writer = store.contents.open_write(content)
    writer.write(0, data)
    writer.sync()
    writer.close()
    with store.files.change(account.id) as files:
        file = files.add(account.id, path, content, NOW)
        files.resize(file.id, len(data), NOW)
    return found(store, file.id)


def found(store: Store, file: int) -> File:
    """The file with this id, which is there."""
    there = store.files.view().get(file)
    assert there is not None
    return there


def submitted(store: Store, account: Account, stem: str = "a", at: float = NOW) -> int:
    """A submitted file; the number of its batch."""
    file = draft(store, account, f"{stem}.csv")
    with store.files.change(account.id) as files:
        return files.submit(file, f"{stem}.processing", stem, {"excel"}, at, at)


def claimed(store: Store, owner: Process, now: float = NOW) -> Batch:
    """The next batch, claimed."""
    batch = store.queue.claim_batch(owner, now)
    assert batch is not None
    return batch


def next_file(store: Store) -> float | None:
    """When the next file is due to be read."""
    return min(store.queue.lanes().values(), default=None)


def reading(store: Store, account: Account, owner: Process, stem: str = "a") -> Batch:
    """A batch that ``owner`` reads."""
    submitted(store, account, stem)
    return claimed(store, owner)


def new_slice(
    seq: int = 0, *, backend: str = "out", at: float = NOW, expires: float = NOW + DAY, size: int = 2
) -> NewSlice:
    """A slice of ``size`` rows; the store does not look into its messages."""
    first = seq * size + 1
    return NewSlice(seq, first, first + size - 1, size, b"messages %d" % seq, backend, at, expires)


def accepted(store: Store, account: Account, owner: Process, *slices: NewSlice, stem: str = "a") -> Batch:
    """A batch whose messages are queued."""
    batch = reading(store, account, owner, stem)
    store.queue.stage(batch.id, owner, slices)
    messages = sum(item.size for item in slices)
    store.queue.accept(batch.id, owner, verdict(f"{stem}.success", messages=messages))
    return batch_of(store, batch.id)


def verdict(path: str, *, messages: int = 0, digest: bytes = b"digest", at: float = NOW) -> Verdict:
    """The end of reading a file of ``draft``."""
    return Verdict(path, at, messages, size=5, digest=digest)


def batch_of(store: Store, batch: int) -> Batch:
    """The batch with this number, as it is now."""
    return next(item for item in store.queue.batches() if item.id == batch)


def taken(
    store: Store, owner: Process, *, now: float = NOW, oldest: bool = True, backend: str = "out"
) -> Slice:
    """The next slice, claimed."""
    slice_ = store.queue.claim_slice(owner, backend, now, oldest=oldest)
    assert slice_ is not None
    return slice_


def nothing_due(store: Store, owner: Process, *, now: float = NOW + DAY, backend: str = "out") -> bool:
    """Whether there is no slice to claim."""
    return store.queue.claim_slice(owner, backend, now, oldest=True) is None
