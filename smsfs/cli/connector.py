"""``smsfs connector``: logins whose uploads become messages by a text and rules of their own."""

import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from smsfs.cli.account import (
    CREDITS,
    Kind,
    check_name,
    check_no_operator,
    check_settings,
    details,
    disable,
    let_in,
    remove,
    set_,
    settings_from,
    show,
)
from smsfs.cli.check import SHOWN_MESSAGES, Result, judge, show_messages
from smsfs.cli.common import config_option, find_account, opened, show_list
from smsfs.cli.connecting import ways
from smsfs.cli.credentials import KEY_FILE, key_lines, password_option, read_password
from smsfs.cli.terminal import out
from smsfs.dialects import Upload
from smsfs.dialects.registry import dialect
from smsfs.dialects.sampling import NO_ROWS, Candidate, Sample, Sampling
from smsfs.dialects.settings import COMMON, settings_of
from smsfs.errors import ConfigurationError, Ignored, Unreadable
from smsfs.pipeline.measuring import measured
from smsfs.sms.quoting import quoted
from smsfs.store import Account, Store

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
RULES = dialect("naxai")
#: Of the sample: enough to tell numbers from other cells, and to find three messages.
SAMPLE_ROWS = 500
#: By so much has the likeliest column to be ahead of the next, or the operator is asked.
CLEARLY = 1.5
PASSWORD_BYTES = 12


@click.group()
@click.pass_context
def connector(context: click.Context) -> None:
    """Make, show and change connectors: logins with a text and rules."""
    context.obj = Kind("Connector", _find)


for shared in (show, set_, disable, remove):
    connector.add_command(shared)


@connector.command()
@click.argument("name")
@click.option("--account", "parent_name", required=True, help="Whose credit and opt-out list it uses.")
@click.option("--sample", type=FILE, required=True, help="A file of the kind that will be uploaded.")
@click.option("--phone-column", help="Its column with the phone numbers.")
@click.option("--country", help="Two letters: whose local numbers are read, such as BE.")
@click.option("--template", help="The text, in Liquid: 'Dear {{ name }}, ...'.")
@click.option("--sender", help="Whom messages come from.")
@password_option
@click.option("--key", "keys", multiple=True, type=KEY_FILE, help="A public key file.")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; connector show lists them."
)
@config_option
def create(
    *,
    name: str,
    parent_name: str,
    sample: Path,
    keys: tuple[Path, ...],
    password_stdin: bool,
    pairs: tuple[str, ...],
    config_file: Path | None,
    **shorthands: str | None,
) -> None:
    """Make a connector, and show the first messages of the sample. Nothing is sent.

    It logs in with the --key files, or the password from standard input; without either, a password is made
    and shown once.
    """
    check_name(name)
    lines, own = key_lines(keys), _own_settings(shorthands, pairs)
    with opened(config_file) as (config, store):
        parent = _parent(store, parent_name, name)
        check_no_operator(store, name)
        settings = _with_sample(sample, {**_inherited(parent), **own})
        check_settings(config, store, RULES.name, settings)
        _show_preview(sample, measured(config, settings_of(RULES, settings)))
        password = _password(lines, from_stdin=password_stdin)
        made = store.accounts.add(name, RULES.name, settings, store.now(), parent.id)
        let_in(store, made, lines, password)
        connecting = list(ways(config, store, settings_of(RULES, settings)["protocols"].split(",")))
    out.print(f"Connector {name} of account {parent_name} made; it logs in as {name}.")
    _show_ways(name, connecting)
    if password and not password_stdin:
        out.print(f"Its password, shown only now: {password}", markup=False)


def _show_ways(name: str, connecting: Sequence[str]) -> None:
    if connecting:
        _print(f"Clients connect as {name} by")
    else:
        _print("No client can connect yet: none of its protocols is turned on in the configuration.")
    for line in connecting:
        _print(line)


def _own_settings(shorthands: Mapping[str, str | None], pairs: Iterable[str]) -> dict[str, Any]:
    """The settings of options such as ``--country BE``, and of ``--set KEY=VALUE``."""
    given = [f"{key}={text}" for key, text in shorthands.items() if text is not None]
    settings, extra = settings_from(RULES.name, [*given, *pairs])
    if CREDITS in extra:
        raise ConfigurationError("A connector spends the credits of its account; set them there.")
    return settings


def _parent(store: Store, parent_name: str, name: str) -> Account:
    parent = find_account(store, parent_name)
    if parent.parent:
        raise ConfigurationError(f"{parent_name} is a connector; name the account that it belongs to.")
    if store.accounts.find(name):
        raise ConfigurationError(f"There is an account {name} already.")
    return parent


def _inherited(parent: Account) -> dict[str, Any]:
    """What a new connector takes over: the account's backend, limits, times and such."""
    return {
        key: value for key, value in parent.settings.items() if key in COMMON and key not in RULES.defaults
    }


def _password(lines: Sequence[str], *, from_stdin: bool) -> str | None:
    if from_stdin:
        return read_password(from_stdin=True)
    return None if lines else secrets.token_hex(PASSWORD_BYTES)


# -- the sample ---------------------------------------------------------------------------------------


def _sampling() -> Sampling:
    if RULES.sampling is None:
        raise ConfigurationError(f"Files of {RULES.name} have no columns to set up.")
    return RULES.sampling


def _with_sample(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the column and the text that the sample, or who is asked, says."""
    try:
        with file.open("rb") as stream:
            head = _sampling().read(stream, file.stat().st_size, SAMPLE_ROWS)
        column = _phone_column(head, settings.get("phone_column", ""), settings.get("country", ""))
        settings = {**settings, "phone_column": column}
        if not settings.get("template", "").strip():
            settings["template"] = _asked_text(head)
        _sampling().check(head, settings)
    except Unreadable as exc:
        raise ConfigurationError(f"The sample {file.name} does not do: {exc.cause}.") from None
    return settings


def _phone_column(head: Sample, wanted: str, country: str) -> str:
    known = ", ".join(map(quoted, head.names))
    if wanted:
        place = _sampling().find(head.names, wanted)
        if place is None:
            raise ConfigurationError(f"The sample has no column {quoted(wanted)}; there are {known}.")
        return head.names[place]
    found = _sampling().candidates(head.names, head.rows, country)
    if found and (len(found) == 1 or found[0].score - found[1].score >= CLEARLY):
        _print(f"Phone numbers are in the column {found[0].name}: {' and '.join(found[0].reasons)}.")
        return found[0].name
    if not sys.stdin.isatty():
        raise ConfigurationError(_which(found, known))
    for candidate in found:
        _print(f"  {candidate.name}: {' and '.join(candidate.reasons)}")
    choice = click.Choice([candidate.name for candidate in found] or list(head.names))
    chosen: str = click.prompt("Column with the phone numbers", type=choice)
    return chosen


def _which(found: Sequence[Candidate], known: str) -> str:
    if not found:
        return f"No column of the sample looks like phone numbers; name one with --phone-column: {known}."
    named = "; ".join(f"{quoted(item.name)} ({' and '.join(item.reasons)})" for item in found)
    return f"Several columns may hold the phone numbers, choose one with --phone-column: {named}."


def _asked_text(head: Sample) -> str:
    if not sys.stdin.isatty():
        example = f"'Hello {{{{ {head.names[0]} }}}}'"
        raise ConfigurationError(f"The connector has no text; give one with --template, such as {example}.")
    _print(f"The text may name columns, such as {{{{ {head.names[0]} }}}}: {', '.join(head.names)}.")
    text: str = click.prompt("Text")
    return text


def _show_preview(file: Path, settings: dict[str, Any]) -> None:
    """Print the first messages, and why rows before them are not messages."""
    result = _preview(file, settings)
    if result.causes and not (result.rows or result.refused):
        raise ConfigurationError(f"No row of the sample {file.name} is a message: {result.causes[0]}.")
    for cause in result.causes:
        _print(f"  {cause}")
    for reason, count in result.refused.items():
        _print(f"  {count:,} not sent: {reason}")
    if result.rows:
        what = f"first {result.rows} messages of {file.name} would be these"
        if result.rows == 1:
            what = f"first message of {file.name} would be this"
        _print(f"The {what}; nothing is sent now:")
        show_messages(result.first)
    else:
        _print(f"Nothing can be shown: no message in the first rows of {file.name}.")


def _preview(file: Path, settings: dict[str, Any]) -> Result:
    """Read until there are messages enough to show.

    Raises:
        ConfigurationError: the sample is no file for the connector.
    """
    result, size = Result(), file.stat().st_size
    whole, now = settings_of(RULES, settings), datetime.now(UTC)
    try:
        with file.open("rb") as stream:
            rows = RULES.read(Upload(stream, size, RULES.trial(file.name), whole, now))
            for row in islice(rows, SAMPLE_ROWS):
                result.add(row)
                if result.rows == SHOWN_MESSAGES:
                    break
    except (Unreadable, Ignored) as exc:
        if exc.cause.reason != NO_ROWS:  # a sample may be the names of its columns only
            raise ConfigurationError(f"The sample {file.name} does not do: {exc.cause}.") from None
    return result


def _print(line: str) -> None:
    out.print(line, markup=False)


# -- those there are ----------------------------------------------------------------------------------


@connector.command("list")
@click.option("--account", "parent_name", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@config_option
def list_(parent_name: str | None, as_json: bool, config_file: Path | None) -> None:
    """List the connectors."""
    with opened(config_file) as (_, store):
        parent = find_account(store, parent_name).id if parent_name else None
        all_ = [item for item in store.accounts.all() if item.parent and parent in (None, item.parent)]
        found = [details(store, item) for item in all_]
    for item in found:
        item["phone_column"] = item["settings"]["phone_column"]
    show_list(["name", "account", "state", "login", "phone_column", "files"], found, as_json=as_json)


@connector.command()
@click.argument("name")
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def test(name: str, file: Path, as_json: bool, config_file: Path | None) -> None:
    """Tell what FILE would send; nothing is. Exit status 0: it would be sent; 1: not, with the causes."""
    with opened(config_file) as (config, store):
        found = _find(store, name)
    judge(file, RULES, measured(config, settings_of(RULES, found.settings)), as_json=as_json)


def _find(store: Store, name: str) -> Account:
    """The connector of that name.

    Raises:
        ConfigurationError: there is none.
    """
    found = store.accounts.find(name)
    if found is None or not found.parent:
        known = ", ".join(item.name for item in store.accounts.all() if item.parent) or "none yet"
        raise ConfigurationError(f"There is no connector {name}; there are: {known}.")
    return found
