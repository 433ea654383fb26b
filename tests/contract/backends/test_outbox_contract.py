import json

import pytest

from smsfs.backends.outbox import Outbox
from tests.support.backend_suite import BackendSuite


class TestOutbox(BackendSuite):
    @pytest.fixture
    def path(self, tmp_path):
        """Where the messages go."""
        return tmp_path / "folder" / "outbox.jsonl"

    @pytest.fixture
    def backend(self, path):
        """The backend under test."""
        return Outbox(path)

    @pytest.fixture
    def arrived(self, path):
        """The keys of the lines in the file."""
        return lambda: [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
