import asyncio
import threading

import pytest

from smsfs.backends.smpp.client import SmppBackend
from smsfs.backends.smpp.options import SmppConfig
from smsfs.simulator import Simulator
from tests.support.backend_suite import BackendSuite


class TestSmpp(BackendSuite):
    @pytest.fixture
    def smsc(self):
        """A simulator on a thread of its own: each test runs a loop of its own for the backend."""
        loop, smsc = asyncio.new_event_loop(), Simulator()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        asyncio.run_coroutine_threadsafe(smsc.__aenter__(), loop).result(20)
        yield smsc
        asyncio.run_coroutine_threadsafe(smsc.__aexit__(None, None, None), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    @pytest.fixture
    def backend(self, smsc, tmp_path):
        """The backend under test."""
        config = SmppConfig("smpp", smsc.host, "smsfs", "secret", smsc.port, window=50)
        return SmppBackend("carrier", config, tmp_path)

    @pytest.fixture
    def arrived(self, smsc):
        """The keys of the messages that came, as their numbers tell."""
        return lambda: [
            f"{int(message.destination[2:5])}-{int(message.destination[5:])}" for message in smsc.messages
        ]
