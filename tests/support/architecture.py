"""Draws the picture in docs/architecture.md: ``python -m tests.support.architecture``.

The floors are those of the contract on layers in ``pyproject.toml``, the arrows the imports that there are.
Arrows that follow from others are left out of the picture, and stand in the table.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.docs import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- Written by python -m tests.support.architecture -->", "<!-- up to here -->"
HOUSE = "smsfs"
PIPELINE = "smsfs.pipeline"
WINGS = """\
Inside the pipeline, each process has a wing (`intake`, `dispatch`, `reports`), and no wing imports another:
"""
#: Room -> the rooms that it imports.
Imports = Mapping[str, set[str]]


def floors() -> list[list[str]]:
    """The rooms on each floor, the top one first, as the contract has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [[room.strip().removeprefix(f"{HOUSE}.") for room in layer.split(":")] for layer in layers]


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """The names and files of a package's modules."""
    folder = ROOT / Path(*package.split("."))
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), file


def imported(file: Path) -> Iterator[str]:
    """What a module imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports(package: str) -> dict[str, set[str]]:
    """Of each room of a package, the rooms beside it that it imports."""
    prefix = f"{package}."
    found: dict[str, set[str]] = {}
    for name, file in modules(package):
        room = name.removeprefix(prefix).partition(".")[0]
        if name == package or room == "__main__":
            continue
        beside = {target.removeprefix(prefix) for target in imported(file) if target.startswith(prefix)}
        found.setdefault(room, set()).update(target.partition(".")[0] for target in beside)
    return {room: (targets & found.keys()) - {room} for room, targets in found.items()}


def reduced(found: Imports) -> Imports:
    """Without the arrows that follow from others."""

    def reach(room: str) -> set[str]:
        return found[room].union(*(reach(target) for target in found[room]))

    follow = {room: set().union(*(reach(target) for target in targets)) for room, targets in found.items()}
    return {room: targets - follow[room] for room, targets in found.items()}


def diagram(levels: list[list[str]], found: Imports) -> str:
    """The picture: a box for each floor, the arrows between its rooms and others."""
    lines = ["flowchart TD"]
    for number, level in enumerate(levels):
        rooms = "; ".join(f'{room}["{room}"]' for room in level)
        lines += [f'    subgraph floor{number}[" "]', f"    {rooms}", "    end"]
    lines += [
        f"    {room} --> {target}" for room, targets in reduced(found).items() for target in sorted(targets)
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def purpose(package: str, room: str) -> str:
    """What a room is for: the first sentence of its docstring."""
    path = ROOT.joinpath(*package.split("."), room)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`").replace("|", "\\|")


def table(package: str, rooms: list[str], found: Imports) -> str:
    """Each room with its purpose and all that it imports."""
    rows = [
        (
            f"`{'/'.join(package.split('.'))}/{room}`",
            purpose(package, room),
            ", ".join(sorted(found[room])) or "nothing of ours",
        )
        for room in rooms
    ]
    return markdown(("room", "what it is", "imports"), rows)


def levels_of(found: Imports) -> list[list[str]]:
    """Floors for rooms that no contract gives any: each above all that it imports."""

    def height(room: str) -> int:
        return max((height(target) + 1 for target in found[room]), default=0)

    heights = {room: height(room) for room in found}
    return [
        sorted(room for room in found if heights[room] == level)
        for level in sorted(set(heights.values()), reverse=True)
    ]


def picture() -> str:
    """The generated part of the page."""
    house, pipeline = imports(HOUSE), imports(PIPELINE)
    levels = floors()
    wings = levels_of(pipeline)
    return "\n".join(
        [
            diagram(levels, house),
            table(HOUSE, [room for level in levels for room in level], house),
            WINGS,
            diagram(wings, pipeline),
            table(PIPELINE, [room for level in wings for room in level], pipeline),
        ]
    )


def page(text: str) -> str:
    """The page with its picture as it has to be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no place for the picture: {BEGIN} ... {END}")
    return f"{before}{begin}\n\n{picture()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
