"""Carriers that take messages over HTTP, as strict as their contracts, and with faults when asked for.

::

    async with HttpSimulator(gatewayapi.Provider("token")) as carrier:
        ...  # send to carrier.url
        assert [message.text for message in carrier.messages] == ["Hello"]
"""

from smsfs.simulator.http.behaviour import FAULTS, HttpBehaviour
from smsfs.simulator.http.poster import HOOK_FAULTS, Poster, Posting
from smsfs.simulator.http.server import HttpSimulator
from smsfs.simulator.http.taken import Message, Taken

__all__ = ["FAULTS", "HOOK_FAULTS", "HttpBehaviour", "HttpSimulator", "Message", "Poster", "Posting", "Taken"]
