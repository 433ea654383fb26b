"""``kill -9`` thousands of times, in rounds of the crash test, with a ledger: ``packaging/kills``.

A round is a server that is killed a hundred times while clients send, with random choices of its own seed.
Each is a line of JSON in the ledger: ``seed``, ``kills``, ``files``, ``rows``, ``lost``, ``doubled``,
``unrecorded`` (doubled without a record of it), and ``fault``, empty unless the round failed. Started again
with the same ledger, it goes on where it ended.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from attrs import asdict, fields, frozen

ROUND = 100
TEST = "tests/crash/test_kill.py::test_a_hundred_kills_lose_no_row_and_double_none_in_silence"
#: By which a round of the test is told how often to kill, and where to write what it found.
KILLS, FOUND = "SMSFS_KILLS", "SMSFS_FOUND"
ROUND_SECONDS = 1800


@frozen
class Round:
    """What one round found: counts, and what went wrong beside them."""

    seed: int
    kills: int
    files: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    unrecorded: int = 0
    fault: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, and nothing doubled in silence."""
        return not (self.lost or self.unrecorded or self.fault)


def read(ledger: Path) -> list[Round]:
    """The rounds of a ledger; a last line that was being written when something ended it is cut off.

    Raises:
        click.ClickException: the file is no ledger.
    """
    data = ledger.read_bytes() if ledger.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        os.truncate(ledger, len(whole))
    names = {field.name for field in fields(Round)}
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
        return [Round(**{name: line[name] for name in names}) for line in lines]
    except (ValueError, TypeError, KeyError) as exc:
        raise click.ClickException(
            f"{ledger} is no ledger of kills, or is damaged: name another with --ledger."
        ) from exc


def add(ledger: Path, done: Round) -> None:
    """Append a round, on stable storage."""
    with ledger.open("ab", buffering=0) as file:
        file.write(json.dumps(asdict(done)).encode() + b"\n")
        os.fsync(file.fileno())


def total(rounds: Iterable[Round]) -> str:
    """One line about all rounds."""
    rounds = list(rounds)
    sums = {
        name: sum(getattr(each, name) for each in rounds)
        for name in ("kills", "files", "rows", "lost", "doubled", "unrecorded")
    }
    line = (
        "{kills:,} kills, {files:,} files, {rows:,} rows: {lost:,} lost, {doubled:,} doubled, "
        "{unrecorded:,} of them unrecorded"
    ).format(**sums)
    seeds = ", ".join(str(each.seed) for each in rounds if not each.is_sound)
    return f"{line}; not sound: the rounds with SMSFS_SEED={seeds}" if seeds else line


def run_round(seed: int, kills: int, ledger: Path) -> Round:
    """Run the test once; its output stays beside the ledger if it failed."""
    output, found = ledger.with_name(f"{ledger.name}.{seed}.log"), ledger.with_name(f"{ledger.name}.found")
    found.unlink(missing_ok=True)
    given = {"SMSFS_SEED": str(seed), KILLS: str(kills), FOUND: str(found.resolve())}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "-p", "no:cacheprovider", TEST]
    with output.open("wb") as log:
        fault = _status(command, os.environ | given, log.fileno())
    counts = json.loads(found.read_text()) if found.exists() else {}
    found.unlink(missing_ok=True)
    if not fault:
        output.unlink()
    return Round(seed, kills, **counts, fault=f"{fault}: see {output}" if fault else "")


def _status(command: list[str], environment: dict[str, str], output: int) -> str:
    """Why a command failed; empty if it did not."""
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdout=output,
            stderr=output,
            timeout=ROUND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not over after {ROUND_SECONDS} seconds"
    return f"pytest ended with status {done.returncode}" if done.returncode else ""


@click.command()
@click.argument("kills", type=click.IntRange(min=1), default=10_000)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("kills.jsonl"),
    show_default=True,
    help="What was found so far; a later call goes on from there.",
)
def main(kills: int, ledger: Path) -> None:
    """Kill a server KILLS times (10,000 if not given) while clients send, and say in one line what was found.

    The exit status is 1 if any row was lost or left twice without a record, or a round failed. A round of a
    hundred kills takes two to four minutes.
    """
    rounds = read(ledger)
    while (left := kills - sum(each.kills for each in rounds)) > 0:
        rounds.append(run_round(secrets.randbits(32), min(ROUND, left), ledger))
        add(ledger, rounds[-1])
        click.echo(total(rounds[-1:]), err=True)
    click.echo(total(rounds))
    sys.exit(0 if all(each.is_sound for each in rounds) else 1)


if __name__ == "__main__":
    main(prog_name="packaging/kills")
