"""How the simulator behaves, good or bad."""

import re
from collections.abc import Sequence

from attrs import define, field, frozen


@frozen
class Behaviour:
    """What to do with what comes; each default is that of a quick carrier without a fault.

    Attributes:
        latency: seconds from a submit_sm to its answer.
        throughput: messages a second, over all links; above it ESME_RTHROTTLED. 0: no limit.
        queue: messages that may wait for answer or receipt; above it ESME_RMSGQFUL. 0: no limit.
        rejects: pattern and status; the first pattern found in ``"RECIPIENT PART/PARTS"`` decides.
        disconnect_after: each link is cut when so many submit_sm came over it, the last unanswered.
            0: never.
        no_answer: share of the messages taken that are not answered; 0.1 is every tenth.
        late: seconds after which those are answered after all; None: never.
        receipts: seconds from the answer to the receipt of a message that asks for one; None: no receipts.
        receipts_first: the receipt is sent right before the answer, whatever ``receipts`` says.
        receipt_format: one of :data:`smsfs.simulator.receipts.FORMATS`.
        id_base: one of :data:`smsfs.simulator.receipts.ID_BASES`.
        undelivered: messages to a recipient in whose number this is found end as UNDELIV.
        retry: seconds after which a deliver_sm that was refused is sent again.
        deaf: enquire_link is not answered.
        system_id: the only one that may bind; empty for any.
        password: the only one that may bind; empty for any.
    """

    latency: float = 0.0
    throughput: float = 0.0
    queue: int = 0
    rejects: Sequence[tuple[re.Pattern[str], int]] = ()
    disconnect_after: int = 0
    no_answer: float = 0.0
    late: float | None = None
    receipts: float | None = None
    receipts_first: bool = False
    receipt_format: str = "standard"
    id_base: str = "dec"
    undelivered: re.Pattern[str] | None = None
    retry: float = 1.0
    deaf: bool = False
    system_id: str = ""
    password: str = ""

    @property
    def gives_receipts(self) -> bool:
        """Whether messages that ask for a receipt get one."""
        return self.receipts_first or self.receipts is not None


@define
class Counts:
    """What happened so far.

    Attributes:
        links: connections that were made.
        submits: submit_sm that came.
        accepted: those that were taken; each is a part, or a message of one part.
        throttled: those that came too fast.
        queue_full: those for which there was no room.
        rejected: those refused for good.
        unanswered: accepted ones without an answer, or with a late one.
        receipts: receipts that were due.
        delivered: deliver_sm, receipts and others, that the client answered with status 0.
        refused: deliver_sm that it answered with another.
        most_unanswered: the most submit_sm that ever waited for an answer on one link.
    """

    links: int = 0
    submits: int = 0
    accepted: int = 0
    throttled: int = 0
    queue_full: int = 0
    rejected: int = 0
    unanswered: int = 0
    receipts: int = 0
    delivered: int = 0
    refused: int = 0
    most_unanswered: int = 0


@define
class Bucket:
    """Lets so many pass in a second; what was not used is saved up for a tenth of a second at most."""

    _saved: float = field(default=1.0, init=False)
    _filled: float = field(default=0.0, init=False)

    def take(self, rate: float, now: float) -> bool:
        """Whether one more may pass.

        Args:
            rate: so many a second.
            now: seconds.
        """
        self._saved = min(max(1.0, rate / 10), self._saved + (now - self._filled) * rate)
        self._filled = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
