"""Carriers for tests and for trying things out, over SMPP 3.4 and HTTP; no message goes to anyone.

::

    async with Simulator(Behaviour(latency=0.01)) as smsc:
        ...  # connect to 127.0.0.1, port smsc.port
        assert [message.text for message in smsc.messages] == ["Hello"]
"""

from smsfs.simulator.behaviour import Behaviour
from smsfs.simulator.ledger import Received
from smsfs.simulator.server import Simulator

__all__ = ["Behaviour", "Received", "Simulator"]
