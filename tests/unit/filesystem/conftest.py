"""An account on a real store, with a clock that tests set."""

import os

import pytest

from smsfs.dialects.registry import dialect
from smsfs.filesystem import Filesystems
from smsfs.pipeline.intake.reader import Intake, IntakeRules
from smsfs.store.sqlite import SqliteStore

GOOD = b"msisdn,message\n4512345678,hello\n"
BAD = b"msisdn,message\nnobody,hello\n"


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        """Seconds since the epoch."""
        return self.now


class Files:
    """A filesystem, with short ways to what tests start from."""

    def __init__(self, store, account):
        self.store, self.account = store, account
        self.owner = store.register("front")
        self.all = Filesystems(store, self.owner, dialect)
        self.fs = self.all.of(account)
        self.intake = Intake(store, self.owner, dialect, IntakeRules("outbox"))

    def set(self, **settings):
        """Settings of the account, from now on."""
        self.store.accounts.update(self.account.id, settings)

    def put(self, name="a.csv", data=GOOD, fs=None):
        """A complete upload."""
        draft = (fs or self.fs).open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        draft.write(0, data)
        draft.close()

    def get(self, name):
        """All bytes of a file."""
        reader = self.fs.open(name, os.O_RDONLY)
        data = reader.read(0, 10_000_000)
        reader.close()
        return data

    def submit(self, stem="a", data=GOOD):
        """An upload that was renamed; its name in flight."""
        before = set(self.names())
        self.put("upload", data)
        self.fs.rename("upload", f"{stem}.ready", replace=False)
        (new,) = set(self.names()) - before
        return new

    def finish(self, stem="a", data=GOOD):
        """A file that was read to its end; its name."""
        before = set(self.names())
        self.submit(stem, data)
        assert self.intake.step()
        (new,) = set(self.names()) - before
        return new

    def names(self):
        """What a listing shows."""
        return [entry.name for entry in self.fs.listdir("/")]

    def in_state(self, state):
        """The name of a file in this state."""
        if state == "draft":
            self.put("draft.csv")
            return "draft.csv"
        if state == "processing":
            return self.submit()
        return self.finish(data=GOOD if state == "success" else BAD)


@pytest.fixture
def clock():
    """Seconds since the epoch."""
    return Clock()


@pytest.fixture
def connect(tmp_path, clock):
    """Opens the store as another process would."""
    stores = []

    def connect():
        stores.append(SqliteStore(tmp_path / "smsfs.db", clock))
        return stores[-1]

    yield connect
    for store in stores:
        store.close()


@pytest.fixture
def files(connect, clock):
    """The files of an account."""
    store = connect()
    return Files(store, store.accounts.add("shop", "gatewayapi", {}, clock()))


@pytest.fixture
def elsewhere(files, connect):
    """The same files as another process has them."""
    return Files(connect(), files.account)


@pytest.fixture
def refused():
    """Check that a call is refused with an errno and a sentence that holds a text."""

    def refused(code, text, call, *arguments, **options):
        with pytest.raises(OSError) as caught:
            call(*arguments, **options)
        sentence = caught.value.sentence
        assert caught.value.errno == code, sentence
        assert text in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence

    return refused
