"""The places that secrets come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smsfs.errors import ConfigurationError
from smsfs.secret import Secret


def found_secret(
    section: Any, name: str, folder: Path, environment: Mapping[str, str] = os.environ
) -> Secret:
    """A secret of a section as it is now: itself, from ``${NAME}`` of the environment, or from a file.

    Args:
        section: has it as the attribute ``name``, and the name of the file as ``name`` and ``_file``.
        name: of the key.
        folder: what a relative path is relative to, unless it is one of systemd's credentials.
        environment: of the process.

    Raises:
        ConfigurationError: it cannot be read.
    """
    file: str = getattr(section, f"{name}_file")
    if file:
        return _read(name, file, folder, environment)
    given: Secret = getattr(section, name)
    text = given.shown()
    if not given.elsewhere:
        return given
    value = environment.get(text[2:-1], "")
    if not value:
        raise ConfigurationError(f"The environment has no {text[2:-1]}, which {name} is to come from.")
    return Secret(value)


def _read(name: str, file: str, folder: Path, environment: Mapping[str, str]) -> Secret:
    """The first line of a file, of systemd's credentials if it is among them."""
    credentials = environment.get("CREDENTIALS_DIRECTORY", "")
    path = Path(credentials) / file if credentials else folder / file
    path = path if path.exists() else folder / file
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"The {name} cannot be read from {path}: {reason}.") from exc
    if not text or not text.isprintable():
        raise ConfigurationError(f"The {name} cannot be read from {path}: it is not one line of text.")
    return Secret(text)
