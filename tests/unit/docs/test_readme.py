"""What the README and the pages of docs/ say, held against the code."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from smsfs.cli import cli
from smsfs.cli.account import settings_from
from smsfs.config import SYSTEM_FILE
from smsfs.dialects.registry import DIALECTS, dialect
from smsfs.dialects.settings import settings_of, shown

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = (ROOT / "packaging" / "quickstart").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(text: str, language: str = "") -> list[str]:
    """The fenced blocks of a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for known, block in found if known == language]


def command_lines() -> list[str]:
    """Every ``smsfs ...`` that a reader is shown: in blocks of commands, in running text, by quickstart."""
    lines = [line.removeprefix("$ ") for block in blocks(TEXT) for line in block.splitlines()]
    lines += re.findall(r"`(smsfs [^`]*)`", TEXT)
    lines += [
        line.strip().replace("$bin", "smsfs")
        for line in QUICKSTART.splitlines()
        if line.startswith("    $bin")
    ]
    return sorted({re.split(r" +[#<]", line)[0] for line in lines if line.startswith("smsfs ")})


def parsed(line: str) -> dict:
    """The options and arguments of a command line, read by the command itself."""
    _, *words = shlex.split(line)
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
        assert command, f"{line}: there is no such command"
        context = click.Context(command)
        if not words:
            return {}
    return command.make_parser(context).parse_args(words)[0]


def settings_in(line: str) -> list[str]:
    """The KEY=VALUE pairs of a command line, but for place holders."""
    return [word for word in shlex.split(line) if re.fullmatch(r"[a-z_]+=\w+", word)]


def table(heading: str, text: str = README) -> dict[str, list[str]]:
    """The rows of the first table behind a line, by their first cell without back quotes."""
    lines = text[text.index(heading) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return {row[0].strip("`"): row[1:] for row in rows}


def stated(rows):
    """The defaults that a table of settings shows."""
    return {key: "" if row[0].startswith("(") else row[0] for key, row in rows.items()}


def test_it_opens_with_the_two_commands():
    """A newcomer would have to read before seeing it work."""
    commands = [line.split()[0] for line in blocks(README)[0].splitlines()]
    assert commands == ["packaging/quickstart", "packaging/test"]
    assert README[: README.index(commands[0])].count("\n") <= 5
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


@pytest.mark.parametrize("line", command_lines())
def test_commands_are_there(line):
    """A reader would type what is shown and be told that there is no such command or option."""
    parsed(line)
    settings_from("naxai" if line.startswith("smsfs connector") else "gatewayapi", settings_in(line))


def test_every_command_is_shown():
    """A command would be known only to those who wrote it."""
    groups = [
        cli,
        *(cli.get_command(click.Context(cli), name) for name in ("account", "connector", "optout")),
    ]
    shown = {word for line in command_lines() for word in shlex.split(line)}
    for group in groups:
        context = click.Context(group)
        names = [name for name in group.list_commands(context) if not group.get_command(context, name).hidden]
        assert set(names) - shown - {"demo"} == set()
    assert "smsfs demo" in QUICKSTART or '/smsfs" demo' in QUICKSTART


def test_settings_and_their_defaults():
    """A user would set what is not there, not find what is, or trust a default that changed."""
    rows = table("Settings, for `--set`")
    assert stated(rows) == {
        key: shown(value) for key, value in settings_of(dialect("gatewayapi"), {}).items()
    }


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"gatewayapi"}))
def test_settings_of_dialects(name):
    """As above, for those who bring files of another system."""
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    rows = table("## Settings", page)
    assert stated(rows) == {key: shown(value) for key, value in dialect(name).defaults.items()}


def test_sentences_are_the_ones_shown():
    """A user would look for the sentence on the screen and not find it."""
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "smsfs").rglob("*.py"))
    plain = re.sub(r" +", " ", re.sub(r'"\s*\n\s*f?"|\{[^{}\n]*\}', "", code))
    for sentence in table("## When something is refused"):
        pieces = re.split(r"\.\.\.|127\.0\.0\.1:8022|\.processing", sentence)
        assert [piece for piece in pieces if piece.strip() not in plain] == [], sentence


def test_links_lead_somewhere():
    """A reader would follow a link into nothing."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """By what names links lead to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_headings():
    """A reader would follow a link to the top of a long page, and search it."""
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            assert anchor in anchors(page.parent / target if target else page), (
                f"{page.name}: {target}#{anchor}"
            )


def test_contents_name_every_section():
    """A reader would not find a section of a page that takes minutes to scroll through."""
    contents = README.partition("\n## ")[0]
    sections = re.findall(r"^## (.+)$", README, re.MULTILINE)
    shown = set(re.findall(r"\(#([^)]+)\)", contents))
    left_out = {"Who it is for", "Where it differs from the original", "License"}
    named = {
        re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in sections if name not in left_out
    }
    assert shown == named


def test_configuration_files_named_are_those_looked_for():
    """An operator would write a configuration that is never read."""
    assert f"`{SYSTEM_FILE}`" in README
    assert "`$SMSFS_CONFIG`" in README
    assert "`./smsfs.toml`" in README


def test_python_example_runs(tmp_path):
    """A program copied from the README would not work."""
    pytest.importorskip("fs")
    environment = {**os.environ, "SMSFS_DATA": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("SMSFS_CONFIG", None)
    (example,) = blocks(README, "python")
    said = []
    steps = [
        ["-m", "smsfs", "account", "add", "clinic", "--dialect", "gatewayapi", "--password-stdin"],
        ["-c", f"{example}\nprint('done')"],
        ["-m", "smsfs", "files", "--json"],
    ]
    for step in steps:
        done = subprocess.run(
            [sys.executable, *step],
            input="password\n",
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        told = "" if said else f"smsfs: made a new store, {tmp_path / 'smsfs.db'}\n"
        assert (done.returncode, done.stderr) == (0, told)
        said.append(done.stdout)
    assert said[1] == "done\n", "a program's own output is its own"
    assert '"state": "processing"' in said[2]
