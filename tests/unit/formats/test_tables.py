"""Rows of CSV."""

import csv
import io
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import Unreadable
from smsfs.formats import encoding, tables
from smsfs.formats.marks import MARK

cell = st.text(st.sampled_from('ab ",;\n\r\\ø\u2028\x0b\x85#'), max_size=12)
rows_of_cells = st.lists(st.lists(cell, min_size=2, max_size=4), max_size=8)


def _rows(text: str, delimiter: str = ",", others=None) -> list[tuple[int, list[str]]]:
    return list(tables.rows(io.StringIO(text, newline="\n"), delimiter, others))


@given(rows_of_cells, st.sampled_from(",;"), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_comes_back_with_its_lines(rows, delimiter, end):
    """A message with quotes, commas or line ends in it would be sent as another text."""
    text, starts = "", []
    for row in rows:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerow(row)
        starts.append(text.count("\n") + 1)
        text += out.getvalue()
    assert _rows(text, delimiter) == list(zip(starts, rows, strict=True))


@given(rows_of_cells, st.integers(0, 40))
def test_marked_lines_are_passed_over_wherever_they_stand(rows, place):
    """A client who adds rows below the marks of a rejection would get rejected for the marks."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    lines = out.getvalue().split("\n")
    lines.insert(place % len(lines), f'{MARK}line 3: "quoted, and\r')
    assert [cells for _, cells in _rows("\n".join(lines))] == rows


def test_lines_are_counted_as_an_editor_counts_them():
    """The cause would send the client to the wrong line."""
    text = f'a,b\n\n"x\ny","z"\r\n\r\n{MARK}line 3\n1,2'
    assert _rows(text) == [(1, ["a", "b"]), (3, ["x\ny", "z"]), (7, ["1", "2"])]


def test_line_ends_in_quotes_are_kept_and_row_ends_are_not():
    """CR+LF in a message is two characters of it; the one at the end of a row is none."""
    assert _rows('1,"a\r\nb\rc"\r\n2,d\r\n3,e\r') == [
        (1, ["1", "a\r\nb\rc"]),
        (3, ["2", "d"]),
        (4, ["3", "e"]),
    ]


ODD = {
    "line end in quotes": ('"x\ny",z\n', [(0, ["x\ny", "z"])]),
    "marked line": (f"{MARK}line 3\n", []),
    "marked line in quotes": (f'"x\n{MARK}line 3\ny",z\n', [(0, ["x\ny", "z"])]),
    "end mark within": ("x,\x1a\n", [(0, ["x", "\x1a"])]),
    "blank": ("\n\r\n", []),
    "quotes in quotes": ('"x ""y""",z\n', [(0, ['x "y"', "z"])]),
    "nothing odd": ("x,y\n", [(0, ["x", "y"])]),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("before", [0, 1, 2, 127, 128, 129, 130, 300])
def test_what_is_odd_stands_anywhere_among_simple_rows(kind, before):
    """Rows read together would be joined, lost, or told of with the wrong line."""
    odd, expected = ODD[kind]
    simple = '1,"a"\n'
    text = simple * before + odd + simple * 300
    start, after = before + 1, before + 1 + odd.count("\n")
    found = _rows(text)
    assert found[:before] == [(line, ["1", "a"]) for line in range(1, start)]
    assert found[before:-300] == [(start + line, cells) for line, cells in expected]
    assert found[-300:] == [(line, ["1", "a"]) for line in range(after, after + 300)]


@pytest.mark.parametrize("bad", ['x,"y"z\n', 'x,y"\n', "x,\0\n", "x\ry,z\n"])
@pytest.mark.parametrize("before", [0, 1, 100, 200])
def test_rows_before_a_broken_one_are_read(bad, before):
    """A client would not be told of the other rows that are wrong."""
    rows = tables.rows(io.StringIO("1,a\n" * before + bad + "2,b\n" * 200, newline="\n"))
    assert [next(rows) for _ in range(before)] == [(line, ["1", "a"]) for line in range(1, before + 1)]
    with pytest.raises(Unreadable) as caught:
        next(rows)
    assert caught.value.cause.line == before + 1


MALFORMED = {
    "backslash": ('1,"say \\"hi\\""', "a backslash stands before a quote"),
    "backslash unquoted": ('1,say \\"hi\\"', "has a backslash before a quote"),
    "text after quotes": ('1,"abc"def', "text follows a closing quote"),
    "space after quotes": ('"1" ,abc', "text follows a closing quote"),
    "unterminated": ('1,"abc\n4,d\n', "a closing quote is missing"),
    "lone quote": ('1,5" pipe', "holds a quote without being in quotes"),
    "no opening quote": ('1,abc"', r"cell 2 \('abc\"'\) ends with a quote, but the opening quote is missing"),
    "space before quotes": ('1, "abc"', "has a space before its opening quote"),
    "bare CR": ("1,a\rb", "a CR stands alone"),
    "CR after quotes": ('1,"a"\rb', "a CR stands alone"),
    "NUL": ("1,a\0b", "NUL"),
    "huge cell": (f'1,"{"x" * 140_000}"', "a cell is over 131,072 characters"),
    "lost quote": ('1,"' + "4512345678,text\n" * 20_000, "a cell is over 131,072 characters"),
    "huge line": ("1," + "x," * 600_000, "the row is over 1,048,576 characters"),
    "endless row": ('"\n",' * 600_000, "the row is over 1,048,576 characters"),
    "CR only": ("1,a\r" * 400_000, "a CR stands alone"),
}


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_malformed_rows_are_refused_with_their_first_line(kind, end):
    """A lenient reading would send a text that the client never wrote."""
    text, said = MALFORMED[kind]
    with pytest.raises(Unreadable, match=said) as caught:
        _rows(f'a,b{end}"x\ny",z{end}{end}{text}{end}9,z{end}')
    assert caught.value.cause.line == 5
    assert len(caught.value.cause.reason) < 200


def test_quotes_in_many_cells_take_no_longer_than_the_row():
    """One crafted row would keep the intake busy for minutes."""

    def seconds(cells: int) -> float:
        row = ",".join(f'"a""{n}"' for n in range(cells))
        start = process_time()
        assert len(_rows(f"{row}\n")[0][1]) == cells
        return process_time() - start

    short = min(seconds(4_000) for _ in range(3))
    assert seconds(80_000) < 100 * short  # 20 times as many cells; 400 times as long if each searched the row


def test_a_first_row_with_another_delimiter_gets_its_own_advice():
    """Quoted column names with the wrong delimiter would end in a riddle about quotes."""
    with pytest.raises(Unreadable, match="line 1: use commas"):
        _rows('"a";"b"\n', ",", {";": "use commas"})
    with pytest.raises(Unreadable, match="line 2: text follows"):
        _rows('a,b\n"a";"b"\n', ",", {";": "use commas"})


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("before", [0, 1, 50_000])
def test_bytes_that_break_the_encoding_are_refused_with_their_line(codec, before):
    """A file damaged in the middle would end the intake with a traceback."""
    data = ("1,æ\n" * before + "2,b").encode(codec)
    data += {"utf-8": b"\xff", "utf-16-le": b"\x00\xdc", "utf-32-be": b"\xff" * 4}[codec]
    data += "\n3,c\n".encode(codec)
    text = encoding.open_text(io.BytesIO(data), len(data), codec)
    with pytest.raises(Unreadable, match=f"is no {codec[:6].upper().rstrip('-')}") as caught:
        list(tables.rows(text))
    assert caught.value.cause.line == before + 1


@given(st.text(st.sampled_from('a",;\n\r\\#\0'), max_size=40))
def test_any_text_gives_rows_or_one_cause(text):
    """An unforeseen file would end the intake with a traceback and be tried again and again."""
    try:
        read = _rows(text)
    except Unreadable as error:
        read = [(error.cause.line, [])]
    assert [line for line, _ in read] == sorted({line for line, _ in read})
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in read)
