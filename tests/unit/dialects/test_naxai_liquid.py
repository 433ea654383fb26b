"""Texts in Liquid: what they become, and that none of them stops the reader."""

import re
from datetime import datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.naxai.liquid import MAX_TEMPLATE, RenderError, Template, TemplateError, TooMuchWork

COLUMNS = ["name", "first-name", "prénom", "partial", "size", "n"]
CELLS = ["Jan", "Jan-Piet", "Zoë", "some", "XL", "3"]

names = st.sampled_from(["name", "prénom", "partial", "size", "n"])
texts = st.text(st.sampled_from("ab {}%|\n\r'.") | st.characters(exclude_categories=["Cs"]), max_size=8)
fields = st.builds(
    lambda before, row, name, after: "{{" + before + row + name + after + "}}",
    st.sampled_from(["", " ", "\n  "]),
    st.sampled_from(["", "row."]),
    names,
    st.sampled_from(["", " "]),
)
odd_fields = st.sampled_from(
    ["{{ name | upcase }}", "{{- n -}}", "{% if n %}x{% endif %}", "{{ 'x' }}", "{{ true }}"]
)


def _text(source: str) -> str:
    return Template(source).renderer(COLUMNS)(CELLS)


def _refused(source: str) -> str:
    """The clause of a template that is refused, or of its text; within a second."""
    begun = process_time()
    with pytest.raises((TemplateError, RenderError)) as caught:
        _text(source)
    assert process_time() - begun < 1
    assert len(str(caught.value)) < 800
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ name }}!", "Hi Jan!"),
        ("Hi {{row.name}} {{ row.size }}", "Hi Jan XL"),
        ("{{ prénom }}, {{ first-name }}, {{ row['first-name'] }}", "Zoë, Jan-Piet, Jan-Piet"),
        ("{{ partial }}", "some"),
        ("100% {{ name }} %s", "100% Jan %s"),
        ("a\r\n{{ n }}", "a\r\n3"),
        ("no column", "no column"),
        ("{{ name | upcase | append: '!' }}", "JAN!"),
        ("{% if name == 'Jan' %}M{% else %}V{% endif %}", "M"),
        ("{% unless n == '3' %}x{% endunless %}{% case n %}{% when '3' %}three{% endcase %}", "three"),
        ("{% assign parts = row['first-name'] | split: '-' %}{{ parts | first }}/{{ parts.size }}", "Jan/2"),
        ("{% capture x %}<{{ name }}>{% endcapture %}{{ x }}{{ x }}", "<Jan><Jan>"),
        ("{% for i in (1..3) %}{{ i }}{% endfor %}{% raw %}{{ x }}{% endraw %}", "123{{ x }}"),
        ("{{ '' | default: 'you' }} {{ n | times: 2 }} {{ 7 | divided_by: 2 }}", "you 6 3"),
        ("a  {{- name -}}  b{% comment %}gone{% endcomment %}", "aJanb"),
    ],
)
def test_liquid(source, text):
    """A text that worked with the system that smsfs replaces would read differently."""
    assert _text(source) == text


@pytest.mark.parametrize(
    ("cell", "form", "text"),
    [
        ("2026-04-05", "%d/%m", "05/04"),
        ("2026-04-05 14:30", "%H:%M", "14:30"),
        ("05/04/2026", "%d %B %Y", "05 April 2026"),
        ("5.4.2026 9:05", "%Y-%m-%d %H:%M", "2026-04-05 09:05"),
        ("", "%d", ""),
    ],
)
def test_dates(cell, form, text):
    """Someone would be told the wrong day of an appointment."""
    template = Template("{{ at | date: '" + form + "' }}")
    assert template.renderer(["at"])([cell]) == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("now", "2026-11-30 23:30 +0100"),
        ("Today", "2026-11-30 23:30 +0100"),
        ("1796077800", "2026-11-30 23:30 +0100"),
        ("30 November 2026", "2026-11-30 00:00 +0100"),
        ("Nov. 30th, 2026 at noon", None),
        ("November 30th, 2026, 2:05 pm", "2026-11-30 14:05 +0100"),
        ("12:30 am", None),
        ("1/7/2026 12:30 AM", "2026-07-01 00:30 +0200"),
        ("Mon, 30 Nov 2026 23:30:00 +0000", "2026-11-30 23:30 +0000"),
        ("Mon Nov 30 08:00:00 UTC 2026", "2026-11-30 08:00 +0000"),
        ("2026-11-30T08:00:00-0500", "2026-11-30 08:00 -0500"),
        ("2026/2/30", None),
        ("30/11/26", None),
        ("13:00 pm", None),
    ],
)
def test_dates_as_people_write_them(cell, text):
    """An appointment would be told wrong, or a file refused that another system took."""
    now = datetime(2026, 11, 30, 23, 30, tzinfo=ZoneInfo("Europe/Brussels"))
    render = Template("{{ at | date: '%Y-%m-%d %H:%M %z' }}").renderer(["at"], now)
    if text:
        assert render([cell]) == text
    else:
        with pytest.raises(RenderError, match="is no date"):
            render([cell])


@pytest.mark.parametrize("cell", ["04/13/2026", "next week", "now", "20:15", "9" * 30])
def test_what_is_no_date_is_refused(cell):
    """An appointment would be announced for a day that nobody wrote."""
    with pytest.raises(RenderError, match="is no date: write it as 2026-12-31 or 31/12/2026"):
        Template("{{ at | date: '%d' }}").renderer(["at"])([cell])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n  {{ name | }}", "line 2, column 6: expected word"),
        ("{{ name", "line 1, column 1: {{ is not closed by }}"),
        ("x {% if name", "line 1, column 3: {% is not closed by %}"),
        ("{% if name %}x", "line 1, column 15: expected tag endif"),
        ("x\n{% endif %}", "line 2, column 4: unexpected tag 'endif'"),
        ("{{ name name }}", "line 1, column 9"),
        ("{{ name | shout }}", 'line 1, column 11: there is no filter "shout"; there are abs,'),
        ("Hi {{ nam }}", 'line 1, column 7: there is no column "nam"; there are name, first-name'),
        ("Hi {{ row.nam }}", 'line 1, column 7: there is no column "nam"'),
        ("{{ now }}", 'there is no column "now"'),
        ("{{ row }}", "line 1, column 4: row is all cells together"),
        ("{% include 'secrets' %}", "unexpected tag 'include'"),
        ("{% render 'secrets' %}", "unexpected tag 'render'"),
        ("{{ name.first }}", "name.first is undefined"),
        ("{{ name.__class__ }}", "is undefined"),
        ("{{ name | append }}", "line 1, column 11: append"),
        ("{{ name | divided_by: 0 }}", "can't divide by 0"),
        ("{% for i in (1..5) limit: -1 %}{{ i }}{% endfor %}", "the template fails"),
        ("\udcff", "it holds bytes that are no UTF-8"),
        ("x" * (MAX_TEMPLATE + 1), "it has 4,001 characters; at most 4,000 are allowed"),
    ],
)
def test_mistakes_are_named_with_their_place(source, said):
    """Whoever writes a template would be told that it is wrong, but not where."""
    assert said in _refused(source)


LOOP = "{% for i in (1..100) %}{% for j in (1..100) %}"
END = "{% endfor %}{% endfor %}"
BOMBS = {
    "loops over a million": "{% for i in (1..1000000) %}{% for j in (1..1000000) %}x{% endfor %}{% endfor %}",
    "loop to a cell": "{% for i in (1..n) %}x{% endfor %}",
    "loop over a kept range": "{% assign r = (1..9999999999) %}{% for i in r reversed %}x{% endfor %}",
    "range in a condition": "{% if (1..9999999999) contains name %}x{% endif %}",
    "range in a case": "{% case name %}{% when (1..9999999999) %}x{% endcase %}",
    "nested loops": LOOP + "{% for k in (1..100) %}{% endfor %}" + END,
    "loops without output": LOOP + "{% if name %}{% endif %}" * 150 + END,
    "loops over conditions": LOOP + "{% if 1 == 2 " + "or 1 == 2 " * 300 + "%}x{% endif %}" + END,
    "append doubling": "{% assign x = name %}" + "{% assign x = x | append: x %}" * 60,
    "capture doubling": "{% capture x %}aa{% endcapture %}"
    + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 60,
    "replace of nothing": "{% assign x = name %}"
    + "{% assign x = x | append: x | append: x | append: x %}" * 5
    + "{{ x | replace: '', x | replace: '', x }}",
    "strip_html": "{% assign x = '<script' %}{% assign y = x %}"
    + "{% assign x = x | append: x | append: x | append: x %}" * 5
    + "{{ x | append: y | strip_html }}",
    "rounding": "{{ 1 | round: 99999999 }}",
    "table": "{% tablerow i in (1..100) %}" + LOOP + "x" + END + "{% endtablerow %}",
    "join": "{% assign x = name %}"
    + "{% assign x = x | append: x | append: x | append: x %}" * 5
    + "{{ x | split: '' | join: x }}",
    "prepend": "{% assign x = name %}" + "{% assign x = x | prepend: x %}" * 60,
    "numbers": "{% assign x = 99999999 %}" + "{% assign x = x | times: x %}" * 60 + "{{ x }}",
    "floats": "{{ '1e999999' | times: 10 }}",
    "floats to whole": "{{ '1e999999' | ceil }}",
    "open outputs": "{{" * 2000,
    "open tags": "{%" * 2000,
    "open output of spaces": "{{" + " " * 3900,
    "spaces": "{{" + " " * 3900 + "}}",
    "long tag": "{% " + "a" * 3900 + "%}",
    "blocks": "{% if name %}" * 300,
    "paths": "{{ " + "name[" * 700 + " }}",
    "ranges in ranges": "{{ " + "(1.." * 900 + " }}",
    "brackets": "{{ " + "(" * 3900 + " }}",
    "quotes": "{{ " + "'" * 3901 + " }}",
    "conditions": "{% if name " + "and name " * 400 + "and %}{% endif %}",
    "raw": "{% raw %}" * 440,
    "comments": "{% comment %}" * 300,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_template_that_explodes_is_refused_within_a_second(bomb):
    """One connector's template would stop the reader for everybody."""
    _refused(BOMBS[bomb])


def test_a_huge_cell_is_too_much_work_for_its_row_only():
    """A cell of 100,000 characters would be copied by every filter of the template."""
    render = Template("{{ name | upcase }}").renderer(["name"])
    with pytest.raises(TooMuchWork):
        render(["x" * 131_072])
    assert render(["x" * 39_000]) == "X" * 39_000
    with pytest.raises(TooMuchWork):
        Template("{{ name }}" * 2).renderer(["name"])(["x" * 131_072])


@given(st.lists(st.one_of(texts, fields, odd_fields), max_size=6).map("".join))
def test_plain_templates_read_as_the_library_reads_them(source):
    """The fast way for simple templates would send another text than Liquid makes."""
    try:
        template = Template(source)
        fast = template.renderer(COLUMNS)(CELLS)
    except (TemplateError, RenderError) as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is one of the two outcomes
        return
    assert fast == template.render(dict(zip(COLUMNS, CELLS, strict=True)))


@given(st.text(st.sampled_from("{}%|.:'\"()[]-# \nabfor1ifn,=") | st.characters(), max_size=60))
def test_any_template_is_taken_or_refused_with_a_clause(source):
    """A strange template would end a command, or the reader, with a traceback."""
    try:
        text = _text(source)
    except (TemplateError, RenderError) as error:
        text = str(error)
        assert re.fullmatch(r"[^\r\n]+", text), text
    assert isinstance(text, str)


def test_columns_are_told_in_order():
    """The sample of a connector could not be checked against its text."""
    template = Template("{{ b }}{% if row.a %}{{ c | append: b }}{% assign d = 1 %}{{ d }}{% endif %}")
    assert template.columns == ["b", "c", "a"] or sorted(template.columns) == ["a", "b", "c"]
