"""How connections to carriers are encrypted."""

import ssl
from pathlib import Path

from smsfs.errors import ConfigurationError


def tls_context(ca: str, folder: Path, *, verify: bool) -> ssl.SSLContext:
    """What a connection is encrypted with.

    Args:
        ca: a file of PEM certificates to trust; empty for the system's.
        folder: what a relative ``ca`` is relative to.
        verify: whether the certificate must be good and name the host.

    Raises:
        ConfigurationError: the certificates to trust cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=folder / ca if ca else None)
    except OSError as exc:  # ssl.SSLError is one
        why = "they are no PEM certificates" if isinstance(exc, ssl.SSLError) else exc.strerror
        raise ConfigurationError(f"The certificates in {folder / ca} cannot be used: {why}.") from exc
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
