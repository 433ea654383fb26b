"""Passwords and public keys, as the commands take them."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import click

from smsfs.errors import ConfigurationError

KEY_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
LEAST_PASSWORD = 8
F = TypeVar("F", bound=Callable[..., Any])


def password_option(function: F) -> F:
    """``--password-stdin`` on a command."""
    return click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(
        function
    )


def read_password(*, from_stdin: bool) -> str:
    """The password, from standard input or asked for on a terminal.

    Raises:
        ConfigurationError: there is none to be had.
    """
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise ConfigurationError(
            "There is no terminal to ask for the password; send it to standard input with --password-stdin."
        )
    if not password:
        raise ConfigurationError("The password is empty.")
    if len(password) < LEAST_PASSWORD:
        raise ConfigurationError(
            f"The password has {len(password)} characters, which is soon guessed; it needs {LEAST_PASSWORD}."
        )
    return password


def key_lines(files: Iterable[Path]) -> list[str]:
    """The public keys in some files.

    Raises:
        ConfigurationError: one holds none.
    """
    lines = []
    for file in files:
        text = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
        found = [line for line in text if line and not line.startswith("#")]
        if not found or not all(map(_is_key, found)):
            raise ConfigurationError(f"{file} holds no OpenSSH public key; give the file that ends in .pub.")
        lines += found
    return lines


def _is_key(line: str) -> bool:
    try:
        asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:
        return False
    return True


def fingerprint(line: str) -> str:
    """The fingerprint of a public key, as ssh-keygen shows it."""
    return str(asyncssh.import_public_key(line).get_fingerprint())
