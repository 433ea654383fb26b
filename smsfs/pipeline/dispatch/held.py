"""A slice on its way out, and what is to be recorded of it."""

from attrs import define, field

from smsfs.pipeline.slices import later
from smsfs.sms.message import Message
from smsfs.store import Freed, NewSlice, Outcome, SetAside, Slice, SliceReport


@define(eq=False)
class Held:
    """A claimed slice while it is with a backend.

    ``recalled`` are the rows that an operator's order concerns; what is ``back`` of them has not left.

    ``again`` are messages that any backend of its chain may be given, ``resent`` those that this one may
    have already. It may be set ``aside``. Nothing was sent of one that is
    ``untouched``, and nothing is recorded.
    """

    slice: Slice
    waiting: dict[int, Message]
    ready: list[Outcome] = field(factory=list)
    again: list[Message] = field(factory=list)
    resent: list[Message] = field(factory=list)
    recalled: set[int] = field(factory=set)
    back: list[Message] = field(factory=list)
    again_outcomes: list[Outcome] = field(factory=list)
    again_after: float = 0.0
    moved: list[NewSlice] = field(factory=list)
    freed: list[Freed] = field(factory=list)
    done: bool = False
    aside: SetAside | None = None
    untouched: bool = False

    def report(self) -> SliceReport:
        """What is to be appended now. What is tried again goes with its new slice, in one commit."""
        ready, self.ready, back = self.ready, [], self._back()
        if not self.done:
            return SliceReport(self.slice, ready, later=back)
        outcomes, again = ready + self.again_outcomes, self._later() + self.moved + back
        return SliceReport(self.slice, outcomes, done=True, later=again, freed=self.freed, aside=self.aside)

    def _back(self) -> list[NewSlice]:
        """What was called back; its order has it stopped as it is stored."""
        back, self.back = self.back, []
        return [later(self.slice, back, self.slice.not_before, self.slice.chain)] if back else []

    def _later(self) -> list[NewSlice]:
        if not self.slice.chain:
            parts = [(self.again + self.resent, "")]
        else:
            parts = [(self.again, self.slice.chain), (self.resent, "")]
        return [later(self.slice, part, self.again_after, chain) for part, chain in parts if part]
