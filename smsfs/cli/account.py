"""``smsfs account``: who may log in, and under which rules."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import frozen

from smsfs.backends import routing
from smsfs.cli.common import config_option, find_account, opened, show_list
from smsfs.cli.credentials import KEY_FILE, fingerprint, key_lines, password_option, read_password
from smsfs.cli.terminal import err, out
from smsfs.config import Config
from smsfs.dialects.registry import DIALECTS, dialect
from smsfs.dialects.settings import MAX_DIGITS, RESULTS_FOLDER, check_setting, settings_of, shown
from smsfs.errors import ConfigurationError
from smsfs.frontends.logins import hash_password
from smsfs.pipeline.reports.forgetting import Upkeep, outboxes
from smsfs.sms.classes import CLASSES, FLASH
from smsfs.sms.quoting import json_text
from smsfs.store import Account, Store

CREDITS = "credits"
#: For so long a removal waits for those who still read what it has deleted.
ERASE_SECONDS = 5.0
LATER = (
    "Somebody reads the store: what is left of this in its log goes within a minute, while smsfs serve runs."
)
F = TypeVar("F", bound=Callable[..., Any])
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@frozen
class Kind:
    """Whom a command is for, where accounts and connectors share it: the word, and how one is found."""

    word: str
    find: Callable[[Store, str], Account]


@click.group()
@click.pass_context
def account(context: click.Context) -> None:
    """Make, show and change accounts: a login, a folder, its rules."""
    context.obj = Kind("Account", find_account)


def keep_sessions_option(function: F) -> F:
    """``--keep-sessions`` on a command."""
    return click.option("--keep-sessions", is_flag=True, help="Let what is open go on.")(function)


def settings_from(dialect_name: str, pairs: Iterable[str]) -> tuple[dict[str, Any], dict[str, int | None]]:
    """Settings from ``KEY=VALUE``, and beside them ``credits``, which each file uses up some of.

    Raises:
        ConfigurationError: there is no such key, or it cannot have this value.
    """
    settings: dict[str, Any] = {}
    extra: dict[str, int | None] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"A setting is given as KEY=VALUE, not {pair!r}.")
        if key == CREDITS:
            extra[key] = _credits(text)
        else:
            settings[key] = check_setting(dialect(dialect_name), key, text)
    return settings, extra


def _credits(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise ConfigurationError(
            f"The credits are a number of SMS of at most {MAX_DIGITS} digits, or empty for no limit, "
            f"not {text!r}."
        )
    return int(text) if text else None


def check_name(name: str) -> None:
    """Check that an account may be called so.

    Raises:
        ConfigurationError: it may not.
    """
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no account name: letters, digits and . _ @ - only, at most 64."
        )


def check_no_operator(store: Store, name: str) -> None:
    """Check that nobody else logs in to the web page by that name.

    Raises:
        ConfigurationError: an operator does.
    """
    if store.operators.find(name):
        raise ConfigurationError(f"There is an operator {name}, who logs in by that name: choose another.")


@account.command()
@click.argument("name")
@click.option(
    "--dialect", "dialect_name", required=True, type=click.Choice(list(DIALECTS)), help="Its folder rules."
)
@password_option
@click.option("--key", "keys", multiple=True, type=KEY_FILE, help="A public key file.")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; account show lists them."
)
@config_option
def add(
    name: str,
    dialect_name: str,
    password_stdin: bool,
    keys: tuple[Path, ...],
    pairs: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Make an account. Without --key it asks for a password, unless that comes with --password-stdin."""
    check_name(name)
    lines, (settings, extra) = key_lines(keys), settings_from(dialect_name, pairs)
    password = read_password(from_stdin=password_stdin) if password_stdin or not lines else None
    with opened(config_file, make=True) as (config, store):
        check_settings(config, store, dialect_name, settings)
        check_no_operator(store, name)
        made = store.accounts.add(name, dialect_name, settings, store.now())
        let_in(store, made, lines, password)
        _set_credits(store, made.id, extra)
    out.print(f"Account {name} made ({dialect_name}).")
    note_missing_mail(config, settings)


def let_in(store: Store, made: Account, lines: Iterable[str], password: str | None) -> None:
    """Let a new account log in with keys, a password, or both."""
    for line in lines:
        store.accounts.add_key(made.id, line)
    if password:
        store.accounts.set_password(made.id, hash_password(password))


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def list_(as_json: bool, config_file: Path | None) -> None:
    """List the accounts."""
    with opened(config_file) as (_, store):
        found = [details(store, item) for item in store.accounts.all()]
    show_list(["name", "dialect", "state", "login", "files", "bytes"], found, as_json=as_json)


@account.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
@click.pass_obj
def show(kind: Kind, name: str, as_json: bool, config_file: Path | None) -> None:
    """Show one with all its settings."""
    with opened(config_file) as (_, store):
        item = details(store, kind.find(store, name))
    if as_json:
        click.echo(json_text(item))
        return
    settings = item.pop("settings")
    item[CREDITS] = "no limit" if item[CREDITS] is None else item[CREDITS]
    for key, value in item.items():
        _line(key, ", ".join(value) if isinstance(value, list) else value)
    for key, value in settings.items():
        _line(f"  {key}", shown(value))


def _line(key: str, value: object) -> None:
    out.print(f"{key:<22}{value}".rstrip(), markup=False)


@account.command("set")
@click.argument("name")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@config_option
@click.pass_obj
def set_(kind: Kind, name: str, pairs: tuple[str, ...], config_file: Path | None) -> None:
    """Change settings; they act at once, on running servers too.

    credits=N lets an account send N SMS more and no others; credits= any number.
    """
    with opened(config_file) as (config, store):
        _change(config, store, kind.find(store, name), pairs)
    out.print(f"{kind.word} {name} changed.")


def _change(config: Config, store: Store, found: Account, pairs: Iterable[str]) -> None:
    """Change an account's settings by ``KEY=VALUE``.

    Raises:
        ConfigurationError: one cannot be so, or not beside the others.
    """
    settings, extra = settings_from(found.dialect, pairs)
    check_settings(config, store, found.dialect, {**found.settings, **settings})
    if settings.get("results") and store.files.view().find(found.id, RESULTS_FOLDER):
        raise ConfigurationError(f"There is a file named {RESULTS_FOLDER} in the account; rename it first.")
    if extra and found.parent:
        raise ConfigurationError("A connector spends the credits of its account; set them there.")
    store.accounts.update(found.id, {**found.settings, **settings})
    _set_credits(store, found.id, extra)
    note_missing_mail(config, settings)


def note_missing_mail(config: Config, settings: dict[str, Any]) -> None:
    """Warn that no mail will come to an address that was set."""
    if settings.get("email") and config.mail is None:
        out.print("No e-mail is sent before the configuration has a section [mail].", markup=False)


def check_settings(config: Config, store: Store, dialect_name: str, own: dict[str, Any]) -> None:
    """Check an account's settings against each other, and against the configuration.

    Raises:
        ConfigurationError: they do not fit.
    """
    _check_backend(config, own)
    rules = dialect(dialect_name)
    _check_flash(config, settings_of(rules, own))
    rules.check_together(settings_of(rules, own), datetime.fromtimestamp(store.now(), UTC))


def _set_credits(store: Store, account_id: int, extra: dict[str, int | None]) -> None:
    if CREDITS in extra:
        store.accounts.set_credits(account_id, extra[CREDITS])


def _check_flash(config: Config, settings: dict[str, Any]) -> None:
    """A flash message would leave as an ordinary one by a backend that has no way to send it."""
    if settings.get("flash") != "send":
        return
    for name in routing.parse(settings["backend"] or config.pipeline.default_backend).names:
        options = config.backends.get(name)
        if options and CLASSES[FLASH] not in options.classes:
            raise ConfigurationError(
                f"The setting flash cannot be 'send': the backend {name!r} ({options.type}) has no way to do "
                "that. Set it to 'plain' or 'reject', or choose another backend."
            )


def _check_backend(config: Config, settings: dict[str, Any]) -> None:
    """Messages for a backend that is not there would wait until they are too old."""
    text = settings.get("backend")
    if not text:
        return
    try:
        named = routing.parse(text).names
    except ValueError as exc:
        raise ConfigurationError(f"The setting backend is no route: {exc}.") from None
    for name in named:
        if name not in config.backends:
            known = ", ".join(config.backends)
            raise ConfigurationError(
                f"There is no backend {name!r} in the configuration; there are: {known}."
            )


@account.command()
@click.argument("name")
@password_option
@click.option("--key", "keys", multiple=True, type=KEY_FILE, help="Add a public key.")
@click.option("--drop-key", "dropped", multiple=True, metavar="FINGERPRINT", help="Remove a public key.")
@keep_sessions_option
@config_option
def passwd(
    name: str,
    password_stdin: bool,
    keys: tuple[Path, ...],
    dropped: tuple[str, ...],
    keep_sessions: bool,
    config_file: Path | None,
) -> None:
    """Change an account's password, or its keys.

    When a password is changed or a key removed, all sessions of the account end, and uploads under way
    are cut.
    """
    lines = key_lines(keys)
    with opened(config_file) as (_, store):
        found = find_account(store, name)
        for line in lines:
            store.accounts.add_key(found.id, line)
        for one in dropped:
            _drop_key(store, found.id, one, keep_sessions=keep_sessions)
        if password_stdin or not (lines or dropped):
            hashed = hash_password(read_password(from_stdin=password_stdin))
            store.accounts.set_password(found.id, hashed, keep_sessions=keep_sessions)
    out.print(f"Account {name} changed.")


def _drop_key(store: Store, account_id: int, wanted: str, *, keep_sessions: bool) -> None:
    found = [line for line in store.accounts.keys(account_id) if fingerprint(line) == wanted]
    if not found:
        raise ConfigurationError(f"The account has no key {wanted}.")
    for line in found:
        store.accounts.remove_key(account_id, line, keep_sessions=keep_sessions)


@account.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let it log in again.")
@keep_sessions_option
@config_option
@click.pass_obj
def disable(kind: Kind, name: str, undo: bool, keep_sessions: bool, config_file: Path | None) -> None:
    """Refuse its logins, and end its sessions.

    What was submitted before is still sent; uploads under way are cut. So it goes for the connectors of an
    account too.
    """
    with opened(config_file) as (_, store):
        found = kind.find(store, name)
        store.accounts.set_disabled(found.id, disabled=not undo, keep_sessions=keep_sessions)
    out.print(f"{kind.word} {name} {'enabled' if undo else 'disabled'}.")


@account.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@click.pass_obj
def remove(kind: Kind, name: str, yes: bool, config_file: Path | None) -> None:
    """Remove one, with its files and its history.

    Refused while messages of it are on their way. Nothing of its texts and numbers is left in the store's
    files, nor in the outboxes of this host.
    """
    with opened(config_file) as (config, store):
        found = kind.find(store, name)
        if not yes:
            click.confirm(f"Remove {name}, its files and its history?", abort=True)
        store.contents.delete(store.accounts.remove(found.id))
        if not store.alive():  # no process is writing: what earlier versions of result files left goes too
            store.contents.delete(store.contents.orphans(store.now() + 1))
        if not Upkeep(store, outboxes(config)).erase(ERASE_SECONDS):
            err.print(LATER, markup=False)
    out.print(f"{kind.word} {name} removed.")


def details(store: Store, found: Account) -> dict[str, Any]:
    """What there is to show of an account, its settings with every default."""
    parent = store.accounts.get(found.parent) if found.parent else None
    keys = [fingerprint(line) for line in store.accounts.keys(found.id)]
    files, size = store.files.view().usage(found.id)
    logins = ["password"] if found.password else []
    return {
        "name": found.name,
        **({"account": parent.name} if parent else {}),
        "dialect": found.dialect,
        "state": "disabled" if found.disabled else "open",
        "login": "+".join(logins + (["key"] if keys else [])) or "none",
        "keys": keys,
        "files": files,
        "bytes": size,
        CREDITS: store.accounts.credits(found.principal),
        "settings": settings_of(dialect(found.dialect), found.settings),
    }
