"""The page about HTTP, against the code."""

import re
from pathlib import Path

from smsfs.backends.http.providers import KINDS
from smsfs.backends.options import SECTIONS, section_of
from smsfs.simulator.http import FAULTS, HOOK_FAULTS

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")


def test_every_fault_is_shown():
    """A person who tries faults out would not know of one, or what it does."""
    part = PAGE.partition("## Try it out")[2]
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| ([^|]*) \| [^|]*\|$", part)
    assert dict(rows) == FAULTS
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| ([^|]*) \|$", part)
    assert dict(rows) == HOOK_FAULTS


def test_every_provider_is_shown():
    """A customer of a provider would not find out that smsfs sends by it."""
    shown = re.findall(r"(?m)^\| `(\w+)` \|", PAGE.partition("## Set it up")[0])
    assert set(shown) == {name for name in SECTIONS if section_of(name) in KINDS}
