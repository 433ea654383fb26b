"""``smsfs check``: would this file be accepted?"""

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import click
from attrs import asdict, define, field

from smsfs.cli.common import config_option, find_account, opened
from smsfs.cli.terminal import err, out
from smsfs.config import load
from smsfs.dialects import Dialect, Refused, Row, Upload
from smsfs.dialects.registry import DIALECTS, dialect
from smsfs.dialects.settings import settings_of
from smsfs.errors import Cause, ConfigurationError, Ignored, Refusal, Unreadable
from smsfs.pipeline.measuring import measured
from smsfs.sms.message import Message
from smsfs.sms.quoting import json_text, quoted
from smsfs.sms.segments import UCS2
from smsfs.sms.text import CONTROL, DROP, GSM, OFF, REFUSE, cost
from smsfs.states import FileState

SHOWN_MESSAGES = 3
SHOWN_CAUSES = 100
SHOWN_CHARACTERS = 10
LARGE_BYTES = 4 * 1024 * 1024


@define
class Costly:
    """A character that made texts UCS-2: how many, and the first row and place that it stands at."""

    messages: int
    row: int
    place: int


@define
class Result:
    """What reading the file gave.

    ``dropped`` names control characters that are not sent, ``smart_parts`` the SMS that ``smart=gsm`` would
    make of the file, where that differs.
    """

    rows: int = 0
    parts: int = 0
    encodings: Counter[str] = field(factory=Counter)
    first: list[Message] = field(factory=list)
    costly: dict[str, Costly] = field(factory=dict)
    dropped: list[Cause] = field(factory=list)
    smart_parts: int | None = None
    refused: Counter[str] = field(factory=Counter)
    causes: list[Cause] = field(factory=list)
    cause_count: int = 0
    fatal: bool = False

    def stop(self, cause: Cause) -> None:
        """Note why nothing is sent; what came before is shown too."""
        self.cause_count += 1
        self.causes = [*self.causes[: SHOWN_CAUSES - 1], cause]
        self.fatal = True

    def add(self, row: Row) -> None:
        """Count a row."""
        if isinstance(row, Cause):
            self.cause_count += 1
            self.causes += [row] if self.cause_count <= SHOWN_CAUSES else []
        if isinstance(row, Refused):
            self.refused[" ".join(filter(None, (row.code, row.reason)))] += 1
        if not isinstance(row, Message):
            return
        self.rows += 1
        self.parts += row.parts
        self.encodings[row.encoding] += 1
        self.first += [row] if self.rows <= SHOWN_MESSAGES else []
        found = cost(row.text) if row.encoding == UCS2 else None
        for character, place in found.characters if found else ():
            self.costly.setdefault(character, Costly(0, row.row, place)).messages += 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--dialect",
    "dialect_name",
    type=click.Choice(list(DIALECTS)),
    help="Its rules.",
)
@click.option("--account", "name", help="With this account's dialect and settings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def check(
    file: Path, dialect_name: str | None, name: str | None, as_json: bool, config_file: Path | None
) -> None:
    """Tell whether FILE would be accepted, and what it would send.

    Nothing is sent. Flags in its name count, as in list.csv.excel or list.csv.excel.ready. Exit status 0:
    accepted; 1: rejected, with the causes. What the account has sent before, its credits and its opt-out list
    are not looked at.
    """
    judge(file, *_rules(dialect_name, name, config_file), as_json=as_json)


def judge(file: Path, rules: Dialect, settings: dict[str, Any], *, as_json: bool) -> NoReturn:
    """Show whether a file would be accepted, and end with the exit status that says so."""
    result = read(file, rules, settings)
    skips = rules.skips_bad_rows(settings)
    some = bool(result.rows or (result.refused and rules.accepted is FileState.CONSUMED))
    accepted = some and not result.fatal and (skips or not result.cause_count)
    if as_json:
        click.echo(json_text(_as_json(result, accepted=accepted)))
    else:
        _show(file, result, accepted=accepted)
    sys.exit(0 if accepted else 1)


def _rules(
    dialect_name: str | None, name: str | None, config_file: Path | None
) -> tuple[Dialect, dict[str, Any]]:
    if name:
        with opened(config_file) as (config, store):
            account = find_account(store, name)
        own = settings_of(dialect(account.dialect), account.settings)
        return dialect(account.dialect), measured(config, own)
    if not dialect_name:
        raise ConfigurationError(f"Say which rules: --dialect {' or '.join(DIALECTS)}, or --account NAME.")
    rules = dialect(dialect_name)
    if rules.daily:
        raise ConfigurationError(
            f"What is sent of a file of {dialect_name} is up to a connector: name one with --account, or use "
            "smsfs connector test NAME FILE."
        )
    own = settings_of(rules, {})
    return rules, measured(load(config_file), own) if config_file else own


def read(file: Path, rules: Dialect, settings: dict[str, Any]) -> Result:
    """Read a local file by the rules of an account, and by others that show what those do to its texts."""
    result = _read(file, rules, settings)
    if settings["controls"] == DROP:
        strict = _read(file, rules, {**settings, "controls": REFUSE})
        result.dropped = [cause for cause in strict.causes if CONTROL in cause.reason]
    if result.costly and settings["smart"] == OFF:
        smart = _read(file, rules, {**settings, "smart": GSM})
        result.smart_parts = smart.parts if smart.parts < result.parts and not smart.fatal else None
    return result


def _read(file: Path, rules: Dialect, settings: dict[str, Any]) -> Result:
    result, size, measure = Result(), file.stat().st_size, settings.get("measure")
    try:
        submission = rules.trial(file.name)
        with file.open("rb") as plain, _watched(plain, size) as stream:
            for row in rules.read(Upload(stream, size, submission, settings, datetime.now(UTC))):
                result.add(measure.row(row) if measure else row)
    except (Unreadable, Ignored) as exc:
        result.stop(exc.cause)
    except Refusal as exc:
        result.stop(Cause(exc.sentence.removesuffix(".")))
    return result


@contextmanager
def _watched(stream: BinaryIO, size: int) -> Iterator[BinaryIO]:
    """A progress bar on a terminal, for a large file."""
    if size < LARGE_BYTES or not err.is_terminal:
        yield stream
        return
    from rich.progress import wrap_file  # noqa: PLC0415 -- seldom needed, and slow to import

    with wrap_file(stream, size, console=err.console, description="Reading", transient=True) as watched:
        yield watched


def _as_json(result: Result, *, accepted: bool) -> dict[str, Any]:
    names = {"klass": "class"}
    first = [
        {names.get(key, key): getattr(item, key) for key in Message.__struct_fields__}
        for item in result.first
    ]
    return {
        "accepted": accepted,
        "rows": result.rows,
        "parts": result.parts,
        "encodings": dict(result.encodings),
        "first": first,
        "costly": [
            {"character": f"U+{ord(character):04X}", "name": unicodedata.name(character, ""), **asdict(seen)}
            for character, seen in result.costly.items()
        ],
        "parts_with_smart": result.smart_parts,
        "dropped": [asdict(cause) for cause in result.dropped],
        "refused": dict(result.refused),
        "causes": [asdict(cause) for cause in result.causes],
        "cause_count": result.cause_count,
    }


def _show(file: Path, result: Result, *, accepted: bool) -> None:
    out.print(f"{file.name}: ", end="", markup=False)
    out.print("[green]accepted[/]" if accepted else "[red]rejected[/]")
    for cause in result.causes:
        code = f"{cause.code}  " if cause.code else ""
        out.print(f"  {code}{cause}", markup=False)
    if result.cause_count > len(result.causes):
        out.print(f"  and {result.cause_count - len(result.causes):,} more")
    if not accepted:
        return
    encodings = ", ".join(f"{count:,} {name}" for name, count in result.encodings.items())
    noun = "message" if result.rows == 1 else "messages"
    out.print(f"  {result.rows:,} {noun}, {result.parts:,} SMS ({encodings})")
    for reason, count in result.refused.items():
        out.print(f"  {count:,} not sent: {reason}", markup=False)
    show_messages(result.first)
    _show_texts(result)


def _show_texts(result: Result) -> None:
    """What the texts cost beyond their length, and what of them is not sent."""
    most = sorted(result.costly.items(), key=lambda item: -item[1].messages)
    for character, seen in most[:SHOWN_CHARACTERS]:
        name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
        where = f"first at character {seen.place} of row {seen.row}"
        line = f"  {quoted(character)} ({name}) makes {seen.messages:,} of them ucs2, {where}"
        out.print(line, markup=False)
    if len(most) > SHOWN_CHARACTERS:
        out.print(f"  and so do {len(most) - SHOWN_CHARACTERS:,} other characters")
    if result.smart_parts is not None:
        out.print(f"  with smart=gsm they would take {result.smart_parts:,} SMS")
    for cause in result.dropped:
        line = f"  dropped: {str(cause).partition(': leave it out')[0]}"
        out.print(line, markup=False)


def show_messages(messages: Iterable[Message]) -> None:
    """Print messages as they would leave."""
    for message in messages:
        sender, size = message.sender or "(default)", f"{message.parts} SMS, {message.encoding}"
        if message.due:
            size += f", not before {datetime.fromtimestamp(message.due, UTC):%Y-%m-%d %H:%M} UTC"
        line = f"  row {message.row}: to {message.recipient} from {sender} ({size}): {message.text!r}"
        out.print(line, markup=False)
