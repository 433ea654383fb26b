"""Whether a backend can be used, as far as this host can tell before it connects."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from smsfs.backends.options import BackendConfig
from smsfs.backends.outbox_options import OutboxConfig

if TYPE_CHECKING:
    from smsfs.backends.http.options import HttpConfig
    from smsfs.backends.smpp.options import SmppConfig


def check_carrier(options: BackendConfig, folder: Path) -> None:
    """Check a carrier's certificates and secrets; each kind of carrier is imported only where there is one.

    Args:
        options: of the backend.
        folder: what relative paths are relative to.

    Raises:
        ConfigurationError: they cannot be read.
    """
    if isinstance(options, OutboxConfig):
        return
    if options.type == "smpp":
        from smsfs.backends.smpp.options import tls_context  # noqa: PLC0415 -- as said above

        tls_context(cast("SmppConfig", options), folder)
    else:
        from smsfs.backends import tls  # noqa: PLC0415 -- as said above
        from smsfs.backends.http import providers  # noqa: PLC0415 -- as said above

        http = cast("HttpConfig", options)
        tls.tls_context(http.ca, folder, verify=http.verify)
        providers.made(http, folder)
