"""The rules that the code itself is held to."""

import ast
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from smsfs import errors

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
CHECKS = {
    "ruff check": [sys.executable, "-m", "ruff", "check", "--quiet"],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--quiet", "--check"],
    "mypy": [sys.executable, "-m", "mypy"],
    "lint-imports": [str(SCRIPTS / "lint-imports")],
}
#: Written in two parts, so that this file is not among those that hold them.
HOSTS = ["pypi" + ".org", "python" + "hosted.org", "debian" + ".org/debian", "npmjs" + ".org"]
TEXTS = ["smsfs", "tests", "packaging", "docs", ".ci", "README.md", "pyproject.toml"]

#: Modules of over 400 lines, each with the reason for it; one that has become shorter leaves the list.
LONG_MODULES = {
    "smsfs/dialects/naxai/liquid.py": "one sandbox: each thing a template may do stands beside its bound",
}
#: Classes of over 25 methods, each with the reason for it; one that has become smaller leaves the list.
LARGE_CLASSES = {
    "smsfs/backends/smpp/client.py:SmppBackend": "the line of messages and the binds are not parted yet",
    "smsfs/store/postgresql/pool.py:Pool": "all of them hold one lock, or wait on it",
    "smsfs/store/sql/queue.py:SqlQueue": "one method for each step; batches and slices are not parted yet",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(folder: str) -> list[Path]:
    """The modules under a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


def functions(folder: str) -> Iterator[tuple[str, int]]:
    """Each function with its lines from ``def`` to its end, its docstring not counted."""
    for file in modules(folder):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{file.relative_to(ROOT)}:{node.name}", lines_of(node)


def lines_of(node: Function) -> int:
    """The lines of one function."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is None:
        return lines
    docstring = node.body[0]
    return lines - (docstring.end_lineno - docstring.lineno + 1)


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    """A slip that a linter or the type checker sees would reach users as a bug."""
    run = subprocess.run(CHECKS[name], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, f"{name}:\n{run.stdout}{run.stderr}"


def test_functions_fit_a_screen():
    """A person who mends a fault in a hurry could not see the whole of the function it is in."""
    sizes = dict(functions("smsfs"))
    assert median(sizes.values()) < 10
    assert {name: size for name, size in sizes.items() if size > 60} == {}


def long_modules(folder: str, most: int) -> set[str]:
    """The modules under a folder that have more lines than ``most``."""
    return {
        str(file.relative_to(ROOT))
        for file in modules(folder)
        if file.read_text(encoding="utf-8").count("\n") > most
    }


def test_modules_are_short():
    """A long module holds two things, and the person who mends one would look for it in vain."""
    assert long_modules("smsfs", 400) == set(LONG_MODULES)
    assert long_modules("tests", 499) == set()


def test_classes_are_small():
    """A class of many methods is several parts that share their state, so no part could be changed alone."""
    large = {
        f"{file.relative_to(ROOT)}:{node.name}"
        for file in modules("smsfs")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and sum(isinstance(part, Function) for part in node.body) > 25
    }
    assert large == set(LARGE_CLASSES)


def sentences() -> Iterator[tuple[str, str]]:
    """What every refusal and error of configuration says; place holders are shown as X."""
    kinds = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, OSError)
    }
    for file in modules("smsfs"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {*kinds, "ConfigurationError"}:
                text = spoken(node.args[0]) if node.args else "X"
                yield f"{file.relative_to(ROOT)}:{node.lineno}", text


def spoken(node: ast.expr) -> str:
    """The text of a string literal."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(spoken, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "X"


def test_refusals_are_sentences():
    """A user would read half a sentence, or two run together."""
    found = list(sentences())
    assert len(found) > 50
    # A path, a key of the configuration or an option may begin one, a command to copy may end one.
    whole = re.compile(r"X|([A-Z/\[]|(listen|proxy_from): |chmod |--|\w+_\w+ ).*([.X]|with: .+)", re.DOTALL)
    assert [(place, text) for place, text in found if not whole.fullmatch(text)] == []


def test_no_registry_is_named():
    """A site with a mirror of its own would see smsfs ask a registry that its firewall forbids."""
    files = [file for text in TEXTS for file in [ROOT / text, *(ROOT / text).rglob("*")] if file.is_file()]
    texts = {file: file.read_bytes() for file in files if file.suffix != ".pyc"}
    found = [(str(file), host) for file, text in texts.items() for host in HOSTS if host.encode() in text]
    assert found == []
