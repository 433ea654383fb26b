"""The server's certificate, which is renewed while the server runs."""

import ssl
import threading
from math import inf
from pathlib import Path

import structlog
from cryptography import x509

from smsfs.errors import ConfigurationError

log = structlog.get_logger()


class Certificate:
    """A certificate and its key, read again when their files have changed: TLS 1.2 and later with them.

    Tools that renew certificates swap the files one after the other. A pair that cannot be used is
    logged once, and the one read before it stays in use.

    Args:
        certificate: a PEM file with the chain, the server's own first.
        key: a PEM file with its private key; None if that is in ``certificate``.
        section: of the configuration, which names them.

    Raises:
        ConfigurationError: they cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None = None, section: str = "ftp") -> None:
        self._files = (certificate, key or certificate)
        self._section = section
        self._lock = threading.Lock()
        self._seen = self._stamps()
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """For a client that begins TLS now."""
        with self._lock:
            stamps = self._stamps()
            if stamps != self._seen:
                self._seen = stamps
                self._renew()
            return self._context

    def ends(self) -> float:
        """When the first certificate of the chain in use ends, in seconds since the epoch."""
        self.context()
        return self._ends

    def _stamps(self) -> list[tuple[int, ...]]:
        """What differs between one version of the files and the next; symbolic links are followed."""
        return [_stamp(path) for path in self._files]

    def _renew(self) -> None:
        try:
            self._context = self._read()
        except ConfigurationError as exc:
            meaning = "the one read before stays in use"
            log.error("certificate_not_renewed", frontend=self._section, reason=str(exc), meaning=meaning)  # noqa: TRY400 - the sentence says it all
        else:
            log.info("certificate_renewed", frontend=self._section, file=str(self._files[0]))

    def _read(self) -> ssl.SSLContext:
        try:
            context, self._ends = _context(*self._files), end_of(self._files[0])
        except ConfigurationError as exc:
            raise ConfigurationError(f"[{self._section}] {exc}") from exc
        return context


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    """How TLS is spoken here.

    An end without close_notify is an error: by it, a cut upload differs from a complete one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    for path in (certificate, key):
        _check_readable(path)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except OSError as exc:
        raise ConfigurationError(
            f"The certificate {certificate} and its key cannot be used ({exc.strerror or exc}): they "
            "are PEM files that belong together, the key without a passphrase."
        ) from exc
    return context


def end_of(certificate: Path) -> float:
    """When the first certificate of a chain ends; never, if it is in no form that can be read."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError):
        return inf
    return min((each.not_valid_after_utc.timestamp() for each in chain), default=inf)


def _check_readable(path: Path) -> None:
    """OpenSSL does not say which file it is that it cannot read."""
    try:
        path.open("rb").close()
    except OSError as exc:
        raise ConfigurationError(
            f"The file {path} cannot be read: {exc.strerror}. Name PEM files as certificate and key."
        ) from exc


def _refuse_password() -> str:
    """Without this OpenSSL would ask on the terminal."""
    return ""
