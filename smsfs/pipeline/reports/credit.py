"""The credit that is left with carriers: asked now and then, by one process of all hosts.

When it falls under what the configuration calls low, the log says so, and the operator gets one mail.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import structlog
from attrs import evolve

from smsfs.backends.options import BackendConfig
from smsfs.pipeline.reports.mail import Relay
from smsfs.store import BackendCredit, Process, Store

#: From one time that a carrier is asked to the next.
ASK_SECONDS = 600.0

log = structlog.get_logger()

#: The credit of a backend, by its section; raises ``OSError`` where it cannot be had.
Ask = Callable[[BackendConfig], str]


def asking(folder: Path) -> Ask:
    """Asks carriers themselves; ``folder`` is what relative paths are relative to."""

    def ask(options: BackendConfig) -> str:
        from smsfs.backends.http.asking import credit_of  # noqa: PLC0415 -- not every host has such a carrier
        from smsfs.backends.http.options import HttpConfig  # noqa: PLC0415 -- as above

        if not isinstance(options, HttpConfig):
            raise OSError("the carrier tells no credit")
        return credit_of(options, folder)

    return ask


class Credits:
    """Asks for the credit of all backends that tell it.

    Args:
        store: where it is kept.
        owner: this process.
        what: it must lead.
        backends: by name.
        relay: takes mails; None for none.
        ask: the credit of one.
    """

    def __init__(
        self,
        store: Store,
        owner: Process,
        what: str,
        backends: Mapping[str, BackendConfig],
        relay: Relay | None,
        ask: Ask,
    ) -> None:
        self._store, self._owner, self._what, self._relay, self._ask = store, owner, what, relay, ask
        self._backends = {name: options for name, options in backends.items() if options.tells_credit}
        self._asked: dict[str, float] = {}
        self._failed: dict[str, str] = {}

    def step(self) -> bool:
        """Ask for one that is due; whether there was one."""
        if not self._backends or not self._store.lead(self._owner, self._what):
            return False
        now = self._store.now()
        kept = {item.backend: item for item in self._store.routing.credits()}
        for name in self._backends:
            last = max(self._asked.get(name, 0.0), kept[name].at if name in kept else 0.0)
            if not last <= now < last + ASK_SECONDS:  # the clock may have been ahead
                self._asked[name] = now
                self._note(name, kept.get(name))
                return True
        return False

    def _note(self, name: str, before: BackendCredit | None) -> None:
        options = self._backends[name]
        try:
            credit = self._ask(options)
        except OSError as exc:
            if self._failed.get(name) != str(exc):
                tell = log.warning if options.low_credit else log.info
                tell("credit_unknown", backend=name, reason=str(exc))
            self._failed[name] = str(exc)
            return
        self._failed.pop(name, None)
        was_low = before is not None and before.low
        low = Decimal(credit.partition(" ")[0]) < Decimal(str(options.low_credit))
        mailed = low and before is not None and before.mailed
        found = BackendCredit(name, credit, self._store.now(), low=low, mailed=mailed)
        if low and not was_low:
            log.warning("credit_low", backend=name, credit=credit, low_credit=options.low_credit)
        elif was_low and not low:
            log.info("credit_back", backend=name, credit=credit)
        self._store.routing.note_credit(self._owner, self._what, found)
        if low and not mailed and options.credit_email and self._mail(found, options):
            self._store.routing.note_credit(self._owner, self._what, evolve(found, mailed=True))

    def _mail(self, found: BackendCredit, options: BackendConfig) -> bool:
        """Tell the operator; whether the relay took it. If not, it is tried with the next answer."""
        if self._relay is None:
            return False
        try:
            with self._relay.session() as smtp:
                smtp.send_message(low_mail(found, options, self._relay.sender))
        except OSError as exc:
            log.warning("credit_mail_failed", backend=found.backend, reason=str(exc))
            return False
        log.info("credit_mailed", backend=found.backend)
        return True


def low_mail(found: BackendCredit, options: BackendConfig, sender: str) -> EmailMessage:
    """That the credit of a backend is low."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, options.credit_email
    mail["Subject"] = f"Low credit: {found.credit} at {found.backend}"
    mail["Date"] = format_datetime(datetime.fromtimestamp(found.at, UTC))
    mail["Message-ID"] = f"<smsfs-credit-{found.at:.0f}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        f"The credit that is left at the backend {found.backend} ({options.type}) is {found.credit}.\n"
        f"That is less than low_credit, {options.low_credit:g}. Once it is used up, messages wait until "
        "there is more.\n\nThis mail comes once, and again only after the credit has been higher meanwhile.\n"
    )
    return mail
