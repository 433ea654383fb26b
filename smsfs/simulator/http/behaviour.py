"""How a simulated carrier behaves, good or bad."""

import re
from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

#: What may go wrong with a request: whether its messages were taken before that, and what happens.
FAULTS = {
    "429": "too many requests; nothing is taken",
    "503": "unavailable; nothing is taken",
    "500": "internal error; nothing is taken",
    "500-taken": "internal error, after the messages were taken",
    "cut": "the connection is cut; nothing is taken",
    "cut-taken": "the connection is cut after the messages were taken",
    "half": "taken, and half of the answer's body comes",
    "wrong": "taken, and the answer is 200 with a body that is no JSON",
    "slow": "taken, and the answer comes one byte a second",
}
TAKING = frozenset({"500-taken", "cut-taken", "half", "wrong", "slow"})


@frozen
class HttpBehaviour:
    """What to do with what comes; each default is that of a quick carrier without a fault.

    Attributes:
        latency: seconds from a request to its answer.
        faults: share of the requests that meet each of :data:`FAULTS`; 1 is all, 0.1 every tenth.
        retry_after: the value of the header of that name in 429 and 503; empty for no such header.
        refuse: pattern and the provider's error code; the first pattern found in a recipient decides.
        error: the provider's error code for every request; empty for none.
    """

    latency: float = 0.0
    faults: Mapping[str, float] = field(factory=dict)
    retry_after: str = ""
    refuse: Sequence[tuple[re.Pattern[str], str]] = ()
    error: str = ""

    def refusal(self, recipient: str) -> str | None:
        """The error code for a recipient who is refused."""
        if self.error:
            return self.error
        return next((code for pattern, code in self.refuse if pattern.search(recipient)), None)

    def fault(self, number: int) -> str:
        """The fault that request ``number``, from 1, meets; they are spread evenly. Empty for none."""
        met = (name for name, share in self.faults.items() if int(number * share) > int((number - 1) * share))
        return next(met, "")


@define
class HttpCounts:
    """What happened so far.

    Attributes:
        connections: that were made.
        requests: that came.
        accepted: messages that were taken.
        refused: requests that the contract refused.
        faulty: requests that met a fault.
    """

    connections: int = 0
    requests: int = 0
    accepted: int = 0
    refused: int = 0
    faulty: int = 0
