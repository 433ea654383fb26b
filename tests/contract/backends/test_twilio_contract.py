import pytest

from smsfs.backends.http.client import HttpBackend
from smsfs.backends.http.twilio import TwilioConfig
from smsfs.secret import Secret
from smsfs.simulator.http import HttpSimulator
from smsfs.simulator.http.twilio import Twilio
from tests.support.backend_suite import BackendSuite
from tests.support.http_carrier import on_a_thread

ACCOUNT = "AC" + "0" * 32


class TestTwilio(BackendSuite):
    @pytest.fixture
    def carrier(self):
        """A simulator on a thread of its own: each test runs a loop of its own for the backend."""
        with on_a_thread(HttpSimulator(Twilio(f"{ACCOUNT}:secret"))) as carrier:
            yield carrier

    @pytest.fixture
    def backend(self, carrier, tmp_path):
        """The backend under test."""
        options = {"url": carrier.url, "token": Secret("secret"), "default_sender": "Shop"}
        return HttpBackend("carrier", TwilioConfig("twilio", ACCOUNT, **options), tmp_path)

    @pytest.fixture
    def arrived(self, carrier):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in carrier.messages
        ]
