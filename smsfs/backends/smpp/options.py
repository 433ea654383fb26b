"""What the configuration says about one SMSC."""

import ssl
from functools import partial
from pathlib import Path
from typing import Literal

import structlog
from attrs import define, field
from attrs.converters import optional

from smsfs.backends import tls
from smsfs.backends.measuring import Tongues
from smsfs.backends.options import BackendConfig
from smsfs.backends.smpp.coding import alphabet
from smsfs.backends.smpp.vendor import vendor
from smsfs.errors import ConfigurationError
from smsfs.ranges import refuse_absurd, refuse_odd_text
from smsfs.secret import Secret, secret
from smsfs.secret.places import found_secret
from smsfs.sms.alphabets import NUMBERS
from smsfs.sms.classes import ALL
from smsfs.sms.segments import GSM7

MAX_WINDOW, MAX_BINDS = 10_000, 100
LEAST_THROUGHPUT = 0.001
LONGEST_PASSWORD = 8
#: Of the ways of joining parts that leave the header to us.
REFERENCE_BITS = {"udh8": 8, "udh16": 16}

log = structlog.get_logger()


@define
class SmppConfig(BackendConfig):
    """An SMSC that speaks SMPP 3.4; times in seconds.

    Attributes:
        host: its name or address.
        system_id: the login, at most 15 characters.
        password: at most 8 characters; ``${NAME}`` is a variable of the environment.
        password_file: a file that has it instead.
        system_type: if the carrier asks for one.
        bind: what to bind as; ``transmitter+receiver`` opens one receiver beside the transmitters, for
            carriers without transceivers. A ``transmitter`` gets neither receipts nor replies.
        binds: connections at a time to send over, of each host, each with a window of its own.
        window: unanswered messages on each connection; the contract names it.
        throughput: messages (parts) per second over all connections of a host; 0 for no limit.
        ca: a file of PEM certificates to trust; empty for the system's.
        verify: whether the certificate must be good and name the host.
        enquire_link: silence after which the link is checked.
        response_timeout: after so long without an answer, a message's fate is unknown.
        reconnect_first: the wait after a lost connection; it doubles with every failure.
        reconnect_longest: its ceiling.
        concatenation: how the parts of a long text are joined: by a header of 8 or 16 bit reference in the
            text, by ``sar_*`` parameters, or not at all: the whole text goes as ``message_payload``.
        data_coding_gsm7: of texts in the GSM alphabet. With 3 they leave as Latin-1, or as all others if that
            lacks a character.
        data_coding_ucs2: of all others.
        default_sender: for messages that name none; empty leaves it to the carrier.
        source_ton: type of number of every sender; by default 1 for numbers, 5 for names.
        source_npi: numbering plan of every sender; by default 1 for numbers, 0 for names.
        short_code_ton: type of number of senders under 8 digits.
        short_code_npi: their numbering plan.
        registered_delivery: which receipts to ask for: 1 for all, 2 for failures, 0 for none.
        id_base: how the carrier writes message ids in its answers; ``text`` compares them as they are.
        receipt_id_base: how it writes them in receipts, where that differs.
        validity_period: whether to tell the carrier when a message is too late.
        languages: whose national tables texts may leave in, where that takes fewer SMS than UCS-2.
        receipts: of a message of several parts: one for ``each``, or one for all of them, under the id of the
            ``first`` or of ``any``.
        tlvs: parameters of the carrier's own, text by tag; see ``smsfs.backends.smpp.vendor``.
        account_tlvs: the same for some accounts, in place of those.
    """

    type: Literal["smpp"]
    host: str
    system_id: str
    password: Secret | None = field(default=None, converter=optional(secret))
    port: int = 2775
    system_type: str = ""
    bind: Literal["transceiver", "transmitter+receiver", "transmitter"] = "transceiver"
    binds: int = 1
    window: int = 10
    throughput: float = 0
    tls: bool = False
    ca: str = ""
    verify: bool = True
    enquire_link: float = 30
    response_timeout: float = 60
    reconnect_first: float = 1
    reconnect_longest: float = 60
    concatenation: Literal["udh8", "udh16", "sar", "payload"] = "udh8"
    data_coding_gsm7: int = 0
    data_coding_ucs2: int = 8
    default_sender: str = ""
    source_ton: int | None = None
    source_npi: int | None = None
    dest_ton: int = 1
    dest_npi: int = 1
    short_code_ton: int = 0
    short_code_npi: int = 0
    service_type: str = ""
    priority: int = 0
    registered_delivery: int = 1
    validity_period: bool = True
    id_base: Literal["text", "decimal", "hexadecimal"] = "text"
    receipt_id_base: Literal["same", "text", "decimal", "hexadecimal"] = "same"
    on_unknown: Literal["resend", "hold"] = "resend"
    receipts: Literal["each", "first", "any"] = "each"
    languages: list[str] = field(factory=list)
    password_file: str = ""
    tlvs: dict[str, str] = field(factory=dict)
    account_tlvs: dict[str, dict[str, str]] = field(factory=dict)

    @property
    def tongues(self) -> Tongues:
        """The national tables that texts may leave in."""
        numbers = tuple(NUMBERS[code] for code in self.languages)
        return Tongues(numbers, REFERENCE_BITS.get(self.concatenation, 8))

    @property
    def classes(self) -> frozenset[int]:
        """All of them."""
        return ALL

    @property
    def id_base_of_receipts(self) -> str:
        """How ids are written in receipts."""
        return self.id_base if self.receipt_id_base == "same" else self.receipt_id_base

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a value that the protocol cannot carry; the text is a clause that names the key.
        """
        ranges = {
            "port": (1, 65535),
            "binds": (1, MAX_BINDS),
            "window": (1, MAX_WINDOW),
            "priority": (0, 3),
            **dict.fromkeys(_OCTETS, (0, 255)),
        }
        for key, (least, most) in ranges.items():
            value = getattr(self, key)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{key} is {value}, and has to be from {least} to {most}")
        for key, longest in _LENGTHS.items():
            if len(getattr(self, key)) > longest:
                raise ValueError(f"{key} is over the {longest} characters that SMPP allows")
            if not getattr(self, key).isascii():
                raise ValueError(f"{key} has a character that is not ASCII")
        for key in ("enquire_link", "response_timeout", "reconnect_first"):
            if not getattr(self, key):
                raise ValueError(f"{key} is 0, and has to be more")
        refuse_odd_text("host", self.host, "the carrier's name or address")
        refuse_odd_text("system_id", self.system_id, "the login that the carrier gave", blanks=True)
        refuse_absurd(self, ["enquire_link", "response_timeout", "reconnect_first", "reconnect_longest"])
        if self.reconnect_longest < self.reconnect_first:
            raise ValueError("reconnect_longest is less than reconnect_first")
        if 0 < self.throughput < LEAST_THROUGHPUT:
            raise ValueError(
                f"throughput is {self.throughput:g}, and has to be {LEAST_THROUGHPUT} or more, or 0"
            )
        self._check_languages()
        self._check_login()
        vendor(self.tlvs, self.account_tlvs)

    def _check_login(self) -> None:
        if (self.password is None) != bool(self.password_file):
            raise ValueError("it needs the key 'password' or the key 'password_file', and not both")
        if self.password and not self.password.elsewhere:
            _check_password(self.password)

    def _check_languages(self) -> None:
        unknown = [code for code in self.languages if code not in NUMBERS]
        if unknown:
            raise ValueError(f"languages has {unknown[0]!r}, and can have {', '.join(NUMBERS)}")
        if self.languages and self.concatenation not in REFERENCE_BITS:
            raise ValueError(f"languages needs concatenation to be udh8 or udh16, not {self.concatenation}")
        coding = self.data_coding_gsm7
        if self.languages and alphabet(coding) != GSM7:
            raise ValueError(f"languages needs data_coding_gsm7 to be one of GSM 7 bit, like 0, not {coding}")


def _check_password(password: Secret) -> None:
    if len(password.shown()) > LONGEST_PASSWORD:
        raise ValueError(f"password is over the {LONGEST_PASSWORD} characters that SMPP allows")
    if not password.shown().isascii():
        raise ValueError("password has a character that is not ASCII")


_LENGTHS = {"system_id": 15, "system_type": 12, "service_type": 5, "default_sender": 20}
_OCTETS = [
    *("data_coding_gsm7", "data_coding_ucs2", "source_ton", "source_npi", "dest_ton", "dest_npi"),
    *("short_code_ton", "short_code_npi", "registered_delivery"),
]


def _password(config: SmppConfig, folder: Path) -> Secret:
    """The password as it is now.

    Raises:
        ConfigurationError: it cannot be read, or SMPP cannot carry it.
    """
    found = found_secret(config, "password", folder)
    try:
        _check_password(found)
    except ValueError as exc:
        raise ConfigurationError(f"The password cannot be used: {exc}.") from None
    return found


def tls_context(config: SmppConfig, folder: Path) -> ssl.SSLContext | None:
    """How to encrypt; None for not at all.

    Args:
        config: of the SMSC.
        folder: what a relative ``ca`` is relative to.

    Raises:
        ConfigurationError: the certificates to trust cannot be read.
    """
    if not config.tls:
        return None
    return tls.tls_context(config.ca, folder, verify=config.verify)


class Trust:
    """Certificates to trust, and the password: they are read again for each connection, as they are renewed.

    What cannot be read then is logged, and what was read before stays in use.

    Args:
        config: of the SMSC.
        folder: what a relative ``ca`` or ``password_file`` is relative to.

    Raises:
        ConfigurationError: they cannot be read.
    """

    def __init__(self, config: SmppConfig, folder: Path) -> None:
        self._read = partial(tls_context, config, folder)
        self._context = self._read()
        self._read_password = partial(_password, config, folder)
        self._password = self._read_password()

    def read(self) -> tuple[ssl.SSLContext | None, str]:
        """For a connection that begins now: how to encrypt, None for not at all; and the password."""
        try:
            self._context = self._read()
        except ConfigurationError as exc:
            log.error("certificates_not_renewed", reason=str(exc), meaning="those read before stay in use")  # noqa: TRY400 - the sentence says it all
        try:
            self._password = self._read_password()
        except ConfigurationError as exc:
            log.error("password_not_renewed", reason=str(exc), meaning="the one read before stays in use")  # noqa: TRY400 - as above
        return self._context, self._password.shown()
