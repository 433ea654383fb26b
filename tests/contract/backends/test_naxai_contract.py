import pytest

from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.naxai import NaxaiConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.naxai import TOKEN_PATH, Naxai
from tests.support.backend_suite import BackendSuite
from tests.support.http_carrier import on_a_thread


class TestNaxai(BackendSuite):
    @pytest.fixture
    def carrier(self):
        """A simulator on a thread of its own: each test runs a loop of its own for the backend."""
        with on_a_thread(HttpSimulator(Naxai("client:a-secret"))) as carrier:
            yield carrier

    @pytest.fixture
    def backend(self, carrier, tmp_path):
        """The backend under test."""
        login = {"client_id": "client", "client_secret": Secret("a-secret"), "default_sender": "Acme"}
        config = NaxaiConfig("naxai", url=carrier.url, auth_url=carrier.url + TOKEN_PATH, **login)
        return HttpBackend("carrier", config, tmp_path)

    @pytest.fixture
    def arrived(self, carrier):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in carrier.messages
        ]
