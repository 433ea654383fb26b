import pytest

from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.kannel import KannelConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.kannel import Kannel
from tests.support.backend_suite import BackendSuite
from tests.support.http_carrier import on_a_thread


class TestKannel(BackendSuite):
    @pytest.fixture
    def carrier(self):
        """A simulator on a thread of its own: each test runs a loop of its own for the backend."""
        with on_a_thread(HttpSimulator(Kannel("user:pass word&+é"))) as carrier:
            yield carrier

    @pytest.fixture(params=["POST", "GET"])
    def backend(self, request, carrier, tmp_path):
        """The backend under test."""
        options = {"url": carrier.url, "password": Secret("pass word&+é"), "method": request.param}
        return HttpBackend("carrier", KannelConfig("kannel", username="user", **options), tmp_path)

    @pytest.fixture
    def arrived(self, carrier):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in carrier.messages
        ]
