"""Texts in Liquid against the reference implementation, that of Ruby."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smsfs.dialects.naxai.liquid import RenderError, Template, TemplateError

ORACLE = Path(__file__).with_name("oracle.rb")
TEMPLATES = Path(__file__).parents[2] / "data" / "liquid" / "templates.json"
REFUSED = "refused"
#: Where a text differs on purpose: a part of the template -> why.
DIFFERENCES = {
    "'20260405' | date": "eight digits are a day here, and seconds since 1970 there",
    "{{ day | date }}": "the form may be left out here",
    "== blank": "Ruby on Rails alone knows what is blank",
    "1234567890123456.7": "very large and small numbers are written otherwise, and 1e3 is 1000",
}


@pytest.fixture(scope="module")
def given():
    """The cells, the time, and the templates."""
    return json.loads(TEMPLATES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reference(given):
    """What Ruby's Liquid makes of each template."""
    ruby = shutil.which("ruby")
    if not ruby or subprocess.run([ruby, "-rliquid", "-e", ""], capture_output=True, check=False).returncode:
        pytest.skip("the Debian packages ruby and ruby-liquid are not installed; packaging/test does that")
    asked = json.dumps(given)
    done = subprocess.run([ruby, ORACLE], input=asked, capture_output=True, text=True, check=True, timeout=60)
    return dict(zip(given["templates"], json.loads(done.stdout), strict=True))


def _text(given, source):
    cells, now = given["cells"], datetime.fromtimestamp(given["at"], UTC)
    try:
        return Template(source).renderer(list(cells), now)(list(cells.values()))
    except (TemplateError, RenderError):
        return REFUSED


def test_texts_are_those_of_the_reference_implementation(given, reference):
    """Customers' templates would read otherwise than with the system that they were written for."""
    assert len(reference) >= 300
    wrong = {}
    for source, expected in reference.items():
        text = _text(given, source)
        if text == expected or (text == REFUSED and "Liquid error" in expected):
            continue
        if not any(part in source for part in DIFFERENCES):
            wrong[source] = (expected, text)
    assert wrong == {}


def test_each_difference_that_is_listed_is_one(given, reference):
    """The list of differences would excuse faults that nobody has looked at."""
    for part in DIFFERENCES:
        sources = [source for source in reference if part in source]
        assert any(_text(given, source) != reference[source] for source in sources), part
