"""Delimiters told from the first row."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.formats.delimiter import sniff


def _sniff(text: str, codec: str = "utf-8") -> str:
    data = text.encode(codec)
    return sniff(io.BytesIO(data), len(data), codec)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("phone,name\n1,a;b;c;d\n", ","),
        ("phone;name\r\n1;a,b,c,d\r\n", ";"),
        ("phone\tname\n1\ta, b, c\n", "\t"),
        ("phone|name\n1|a, b; c\n", "|"),
        ('"a,b,c";"d"\n', ";"),
        ('"a\n,,,";d\n,,,,\n', ";"),
        ('"a "" ,,, ""x";d\n', ";"),
        ("\r\n\nphone;name\n1;a\n", ";"),
        ("phone\n32476123456\n", ","),
        ("", ","),
    ],
)
def test_first_rows(text, delimiter):
    """A file of another country's spreadsheet would be ignored: its first row is one long name."""
    assert _sniff(text) == delimiter
    assert _sniff(text, "utf-16") == delimiter


@given(
    st.sampled_from(",;\t|"),
    st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=2, max_size=6),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_names_in_any_letters(delimiter, header, quotes, rest):
    """A file would be read by what stands in its texts rather than by its first row."""
    cells = [f'"{name}"' if quotes else name for name in header]
    assert _sniff(delimiter.join(cells) + "\n" + rest) == delimiter
