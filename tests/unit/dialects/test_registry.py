"""The dialects there are."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from smsfs.dialects.registry import DIALECTS, dialect
from smsfs.errors import ConfigurationError


def test_dialects_are_found_by_their_own_names():
    """An account could not be given the rules that its system needs."""
    assert dialect("gatewayapi").name == "gatewayapi"
    assert all(dialect(name).name == name for name in DIALECTS)


def test_an_unknown_dialect_names_the_known_ones():
    """A typing error in an account would be a riddle."""
    with pytest.raises(ConfigurationError, match='no dialect "gateway"; there are: gatewayapi'):
        dialect("gateway")


@pytest.mark.parametrize("module", ["lists", "worker", "serve"])
def test_a_dialect_is_imported_when_it_is_needed(module):
    """Every command and every worker would start later for a template language that the host may not need."""
    code = f"import sys, smsfs.cli.{module}; print({{'liquid', 'phonenumbers'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_dialect_is_held_to_the_contract():
    """The rest of smsfs could import a new dialect, and the next one would have to be known there too."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["name"] == "Only the registry knows a dialect"]
    assert contract["protected_modules"] == [f"smsfs.dialects.{name}" for name in DIALECTS]
