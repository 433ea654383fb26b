import pytest

from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.gatewayapi import GatewayApi
from tests.support.backend_suite import BackendSuite
from tests.support.http_carrier import on_a_thread


class TestGatewayApi(BackendSuite):
    @pytest.fixture
    def carrier(self):
        """A simulator on a thread of its own: each test runs a loop of its own for the backend."""
        with on_a_thread(HttpSimulator(GatewayApi("secret-token"))) as carrier:
            yield carrier

    @pytest.fixture
    def backend(self, carrier, tmp_path):
        """The backend under test."""
        config = GatewayApiConfig("gatewayapi", url=carrier.url, token=Secret("secret-token"))
        return HttpBackend("carrier", config, tmp_path)

    @pytest.fixture
    def arrived(self, carrier):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in carrier.messages
        ]
