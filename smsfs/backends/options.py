"""What the configuration says about a backend of any type."""

from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from smsfs.backends.measuring import Tongues

#: Type of a backend -> the module and the class of its section. Each is imported when it is first asked for.
SECTIONS = {
    "outbox": ("smsfs.backends.outbox_options", "OutboxConfig"),
    "smpp": ("smsfs.backends.smpp.options", "SmppConfig"),
    "gatewayapi": ("smsfs.backends.http.gatewayapi", "GatewayApiConfig"),
    "smsportal": ("smsfs.backends.http.smsportal", "SmsPortalConfig"),
    "twilio": ("smsfs.backends.http.twilio", "TwilioConfig"),
    "kannel": ("smsfs.backends.http.kannel", "KannelConfig"),
    "vonage": ("smsfs.backends.http.vonage", "VonageConfig"),
    "infobip": ("smsfs.backends.http.infobip", "InfobipConfig"),
    "naxai": ("smsfs.backends.http.naxai", "NaxaiConfig"),
    "bulksms": ("smsfs.backends.http.bulksms", "BulkSmsConfig"),
    "http": ("smsfs.backends.http.template_options", "TemplateConfig"),
}


class BackendConfig:
    """A section ``[backends.NAME]``.

    Attributes:
        type: what it is, a key of ``SECTIONS``.
        on_unknown: what becomes of a message whose fate is unknown.
        low_credit: the operator is told when less credit is left.
        credit_email: where that is mailed; empty for nowhere.
    """

    type: str
    on_unknown: Literal["resend", "hold"]
    low_credit: float = 0
    credit_email: str = ""

    @property
    def tongues(self) -> "Tongues | None":
        """The national tables that texts may leave in, if it uses any."""
        return None

    @property
    def hooked(self) -> bool:
        """Whether there is a webhook."""
        return False

    @property
    def classes(self) -> frozenset[int]:
        """The message classes that it can send, by their numbers in GSM 03.38."""
        return frozenset()

    @property
    def polled(self) -> bool:
        """Whether the carrier is asked what became of messages."""
        return False

    @property
    def tells_credit(self) -> bool:
        """Whether the carrier can be asked for the credit that is left."""
        return False

    @property
    def told_address(self) -> bool:
        """Whether each message tells the carrier the webhook's address."""
        return False


def section_of(kind: str) -> type[BackendConfig]:
    """The class of a type's section.

    Raises:
        KeyError: there is no such type.
    """
    module, name = SECTIONS[kind]
    return cast("type[BackendConfig]", getattr(import_module(module), name))
