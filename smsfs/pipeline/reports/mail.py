"""E-mails that say how a file went.

A notice is stored with the verdict of its file, so none is forgotten; it is sent by one process of all
hosts, and tried again for about a day. Should that process die right after the relay took a mail, the next
one sends it once more under the same Message-ID.
"""

import smtplib
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from itertools import islice
from pathlib import Path
from typing import Literal

import structlog
from attrs import field, frozen

from smsfs.dialects import Dialect
from smsfs.errors import Cause, ConfigurationError, StoreDamaged, StoreUnavailable
from smsfs.pipeline.reports import cancelled
from smsfs.pipeline.reports.messages import MessageStatus
from smsfs.pipeline.setback import Setback
from smsfs.secret import Secret, secret
from smsfs.secret.places import found_secret
from smsfs.sms.quoting import escaped
from smsfs.states import BatchState
from smsfs.store import Account, Batch, Notice, Store

FIRST_WAIT, LONGEST_WAIT = 60.0, 7200.0
#: With the waits between, about a day.
MOST_FAILURES = 18
MOST_AT_ONCE = 50
#: A relay that breaks off so often has more to it than one mail.
MOST_BREAKS = 3
SHOWN_CAUSES = 20
RELAY_SECONDS = 30.0
#: What is wrong with one mail, or with what the relay thinks of it; others may be taken.
_OF_ONE_MAIL = (
    smtplib.SMTPResponseException,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
    UnicodeError,
)

log = structlog.get_logger()


@frozen
class Relay:
    """The SMTP server that takes our mails.

    Attributes:
        host: its name.
        port: its port.
        sender: the address that mails come from.
        on: which verdicts are mailed: of ``"all"`` files, or of ``"rejected"`` ones.
        security: ``"none"``, ``"starttls"``, or ``"tls"`` from the first byte.
        username: to log in with; empty for no login.
        password: to log in with.
        password_file: a file that has it instead.
        folder: what its path is relative to.
    """

    host: str
    port: int
    sender: str
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: Secret = field(default=Secret(), converter=secret)
    password_file: str = ""
    on: Literal["all", "rejected"] = "all"
    folder: Path = field(factory=Path)

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        """A connection to it, logged in.

        Raises:
            OSError: it cannot be reached, or does not let us in; ``smtplib.SMTPException`` is one.
        """
        context = ssl.create_default_context()
        if self.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=RELAY_SECONDS, context=context
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, timeout=RELAY_SECONDS)
        with smtp:
            if self.security == "starttls":
                smtp.starttls(context=context)
            if self.username:
                smtp.login(self.username, self._password())
            yield smtp

    def _password(self) -> str:
        """As it is now.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return found_secret(self, "password", self.folder).shown()
        except ConfigurationError as exc:
            raise OSError(str(exc).rstrip(".")) from None


class Mailer:
    """Sends the notices that are due.

    Args:
        store: where they are.
        relay: what takes them; None to send none.
        leads: whether this process is the one that sends.
        dialect: finds a dialect by name, for reports beside files.
        stopping: whether no further mail is to be begun.
    """

    def __init__(
        self,
        store: Store,
        relay: Relay | None,
        leads: Callable[[], bool],
        dialect: Callable[[str], Dialect],
        stopping: Callable[[], bool] = bool,
    ) -> None:
        self._store, self._relay, self._leads, self._dialect = store, relay, leads, dialect
        self._stopping = stopping
        self._begun = False
        self._setback = Setback(store)

    def step(self) -> int:
        """Send what is due, a limited number at once; how many notices were looked at.

        Raises:
            StoreUnavailable: the store is away.
        """
        self._setback.step()
        due = self._store.notices.due(self._store.now(), MOST_AT_ONCE) if self._leads() else []
        letters = [(notice, mail) for notice in due if (mail := self._try(notice))]
        if self._relay and letters:
            self._send(self._relay, deque(letters))
        return len(due)

    def _try(self, notice: Notice) -> EmailMessage | None:
        """What is to be mailed of a notice; one that fails holds up no other."""
        try:
            return self._prepared(notice)
        except (StoreUnavailable, StoreDamaged):
            raise
        except Exception as exc:
            log.exception("notice_failed", batch=notice.batch, about=notice.kind, to=notice.address)
            self._later(notice, str(exc))
            return None

    def _prepared(self, notice: Notice) -> EmailMessage | None:
        if self._waits(notice) or self._beside(notice):
            return None
        mail = self._letter(notice)
        if mail is None:
            self._store.notices.done(notice, self._store.now())
        return mail

    def _waits(self, notice: Notice) -> bool:
        """Whether it is too early to say what was cancelled."""
        again = cancelled.look_again(self._store, notice) if notice.kind == "window" else None
        if again:
            self._store.notices.later(notice, again, failed=False)
        return again is not None

    def _beside(self, notice: Notice) -> bool:
        """Whether it goes into a report beside the file, and it went."""
        if notice.kind == "window" and not notice.address:
            cancelled.report(self._store, notice, self._dialect)
            return True
        return False

    def _letter(self, notice: Notice) -> EmailMessage | None:
        """The mail of a notice; None when there is nothing to say, or no relay to send it."""
        account = self._store.accounts.get(notice.account)
        batch = self._store.feed.batch(notice.batch)
        if self._relay is None and notice.address and notice.kind == "verdict":
            log.info(
                "mail_not_sent", to=notice.address, batch=notice.batch, reason="there is no section [mail]"
            )
        if not (self._relay and account and batch and notice.address):
            return None
        if notice.kind == "verdict" and batch.state is BatchState.ACCEPTED and self._relay.on == "rejected":
            return None
        text = (
            verdict_text(account, batch)
            if notice.kind == "verdict"
            else window_text(account, batch, cancelled.cancelled(self._store, batch))
        )
        return letter(notice, self._relay.sender, self._store.now(), *text) if text else None

    def _send(self, relay: Relay, left: deque[tuple[Notice, EmailMessage]]) -> None:
        """Hand mails over; one at which the relay breaks off is tried later, and the others at once."""
        breaks = 0
        while left and not self._stopping():
            waiting = len(left)
            why = self._session(relay, left)
            if why is None:
                return
            breaks += 1
            if (len(left) == waiting and not self._begun) or breaks == MOST_BREAKS:
                log.warning("mail_relay_away", host=relay.host, reason=why, mails=len(left))
                for notice, _ in left:
                    self._later(notice, why)
                return
            notice, _ = left.popleft()
            log.warning("mail_broke_off", host=relay.host, to=notice.address, batch=notice.batch, reason=why)
            self._later(notice, why)

    def _session(self, relay: Relay, left: deque[tuple[Notice, EmailMessage]]) -> str | None:
        """Hand over what can be in one connection; why it broke, if it did before the end."""
        self._begun = False
        try:
            with relay.session() as smtp:
                while left and not self._stopping():
                    self._begun = True
                    self._hand_over(smtp, *left[0])
                    left.popleft()
        except (StoreUnavailable, StoreDamaged):
            raise
        except (OSError, ValueError) as exc:
            return _why(exc) if left else None
        return None

    def _hand_over(self, smtp: smtplib.SMTP, notice: Notice, mail: EmailMessage) -> None:
        """Give the relay one mail.

        Raises:
            OSError: the connection is of no more use.
        """
        try:
            smtp.send_message(mail)
        except smtplib.SMTPServerDisconnected:
            raise
        except _OF_ONE_MAIL as exc:
            self._later(notice, _why(exc))
            with suppress(smtplib.SMTPServerDisconnected):  # it shows with the next mail
                smtp.rset()
        else:
            self._store.notices.done(notice, self._store.now())
            log.info("mail_sent", to=notice.address, batch=notice.batch, about=notice.kind)

    def _later(self, notice: Notice, reason: str) -> None:
        now = self._store.now()
        if notice.failures + 1 >= MOST_FAILURES:
            log.error("mail_given_up", to=notice.address, batch=notice.batch, reason=reason)
            self._store.notices.done(notice, now)
        else:
            self._store.notices.later(notice, now + min(FIRST_WAIT * 2.0**notice.failures, LONGEST_WAIT))


def letter(notice: Notice, sender: str, now: float, subject: str, body: str) -> EmailMessage:
    """A mail that no autoresponder answers; the same notice always has the same Message-ID."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = parseaddr(notice.address)[1]
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<smsfs-{notice.batch}-{notice.kind}-{notice.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body)
    return mail


def verdict_text(account: Account, batch: Batch) -> tuple[str, str]:
    """Subject and body of what became of a file."""
    path = escaped(batch.path)
    name = path.rpartition("/")[2]
    if batch.state is BatchState.ACCEPTED:
        subject = f"{name}: accepted, messages: {batch.messages:,}, faults: {batch.cause_count:,}"
    else:
        subject = f"{name}: rejected, nothing is sent"
    at = datetime.fromtimestamp(batch.submitted, UTC)
    lines = [f"Account: {account.name}", f"File: {path}", f"Received: {at:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [f"Messages, those never sent included: {batch.messages:,}", f"Faults: {batch.cause_count:,}"]
    causes = _shown(batch)
    lines += ["", *(f"- {_line(cause)}" for cause in causes)] if causes else []
    more = batch.cause_count - len(causes)
    lines += [f"- and {more:,} more"] if more > 0 else []
    return subject, "\n".join(lines) + "\n"


def _shown(batch: Batch) -> Sequence[Cause]:
    """The first causes; of a rejected file also the last, which may be the one that decided."""
    if batch.state is BatchState.ACCEPTED or len(batch.causes) <= SHOWN_CAUSES:
        return batch.causes[:SHOWN_CAUSES]
    return [*batch.causes[: SHOWN_CAUSES - 1], batch.causes[-1]]


def _line(cause: Cause) -> str:
    return escaped(f"{cause.code}: {cause}" if cause.code else str(cause))


def window_text(account: Account, batch: Batch, statuses: Iterator[MessageStatus]) -> tuple[str, str] | None:
    """Subject and body of what was not sent by the end of its time; None if all was."""
    rows = (
        f"row {status.message.row}, {status.message.recipient}{', which may have left' * status.doubled}"
        for status in statuses
    )
    first = list(islice(rows, SHOWN_CAUSES))
    if not first:
        return None
    more = sum(1 for _ in rows)
    path = escaped(batch.path)
    name = path.rpartition("/")[2]
    subject = f"{name}: messages cancelled at the end of their time: {len(first) + more:,}"
    lines = [f"Account: {account.name}", f"File: {path}", "", *(f"- {row}" for row in first)]
    return subject, "\n".join([*lines, *([f"- and {more:,} more"] if more else [])]) + "\n"


def _why(exc: OSError | ValueError) -> str:
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(exc.recipients.values()))
        return f"{code} {text.decode('utf-8', 'replace')}"
    if isinstance(exc, smtplib.SMTPResponseException):
        error = exc.smtp_error
        return f"{exc.smtp_code} {error.decode('utf-8', 'replace') if isinstance(error, bytes) else error}"
    return getattr(exc, "strerror", None) or str(exc)
