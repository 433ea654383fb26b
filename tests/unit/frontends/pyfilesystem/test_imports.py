"""Who needs PyFilesystem2, and what it says where it does not work."""

import subprocess
import sys

import pytest

#: Beginnings of what setuptools warns of when fs imports pkg_resources and declares a namespace.
OF_FS = ("pkg_resources is deprecated", "Deprecated call to `pkg_resources.declare_namespace")

EVERYTHING_ELSE = """
import importlib, pkgutil, sys
sys.modules["fs"] = sys.modules["pkg_resources"] = None
import smsfs
seen = []
def walk(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not module.name.endswith((".__main__", ".pyfilesystem")):
            seen.append(importlib.import_module(module.name))
            if module.ispkg:
                walk(seen[-1])
walk(smsfs)
assert "smsfs.frontends.sftp.server" in sys.modules and len(seen) > 30, seen
"""


def run(program, *options):
    """Run a program in a fresh interpreter; its exit status and what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


def test_nothing_else_needs_pyfilesystem():
    """A server without the extra, or with a setuptools that fs cannot stand, would not start."""
    assert run(EVERYTHING_ELSE) == (0, "")


def test_it_imports_with_no_warning_of_its_own():
    """A program that treats warnings as errors could not use the plugin beside fs."""
    program = """
import fs
try:
    fs.open_fs("smsfs://nobody?config=/nonexistent.toml")
except fs.errors.CreateFailed as exc:
    assert "no configuration file" in str(exc)
else:
    raise AssertionError
"""
    ignored = [option for prefix in OF_FS for option in ("-W", f"ignore:{prefix}")]
    assert run(program, "-W", "error", *ignored) == (0, "")


@pytest.mark.parametrize("missing", ["fs", "pkg_resources"])
def test_it_says_what_to_install(missing):
    """A user without the extra would not learn how to get it."""
    program = f"import sys; sys.modules[{missing!r}] = None; import smsfs.frontends.pyfilesystem"
    status, written = run(program)
    assert status == 1
    assert "pip install 'smsfs[pyfilesystem]' mends it." in written.splitlines()[-1]
