"""The ways out that a dispatcher has, and when one of them is left alone."""

from typing import Literal

from attrs import evolve, frozen

from smsfs.backends import Backend, Unknown
from smsfs.backends.mending import Mending
from smsfs.pipeline.outcomes import of_answer
from smsfs.sms.message import Message
from smsfs.store import Outcome, SliceReport


@frozen
class Route:
    """A backend, and what to do with messages whose fate it does not know."""

    name: str
    backend: Backend
    on_unknown: Literal["resend", "hold"] = "resend"

    @property
    def resends(self) -> bool:
        """A backend that knows a message by its key can always be asked again."""
        return self.backend.idempotent or self.on_unknown == "resend"


@frozen
class BreakerRules:
    """After so many ``failures`` in a row (0: never) a backend is left alone, for ``seconds`` at first."""

    failures: int = 10
    seconds: float = 30.0


def mending(route: Route) -> Route:
    """The route with a backend that is down while it cannot be started, and does not stop the others."""
    if isinstance(route.backend, Mending):
        return route
    kind = {"idempotent": route.backend.idempotent, "traceable": route.backend.traceable}
    return evolve(route, backend=Mending(route.name, lambda: route.backend, **kind))


def unknown_outcomes(route: Route, message: Message, at: float, what: Unknown, attempt: int) -> list[Outcome]:
    """The record that a message may have been sent, and that it is sent again, if it is."""
    unknown = of_answer(what, message, at, attempt, traceable=route.backend.traceable)
    return [*unknown, Outcome(message.row, "resend", at, attempt=attempt)] if route.resends else unknown


def unknown_report(report: SliceReport, at: float) -> SliceReport:
    """What is recorded in place of answers that no store can hold: that their messages' fate is unknown.

    What is tried again for another reason still is.
    """
    reason = "the carrier's answer could not be stored"
    outcomes: dict[tuple[int, str], Outcome] = {}
    for item in report.outcomes:
        lost = Outcome(item.row, "no_answer", at, reason=reason, attempt=item.attempt)
        kept = item if item.event in ("not_now", "resend") else lost
        outcomes.setdefault((item.row, kept.event), kept)
    return evolve(report, outcomes=list(outcomes.values()))
