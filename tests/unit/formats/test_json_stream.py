"""JSON objects of any length, in pieces."""

import json
import tracemalloc
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import Unreadable
from smsfs.formats.json_stream import MAX_VALUE, Scanner, members

values = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=5)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=4)


def pieces(text, sizes=(1 << 18,)):
    """The bytes of a text in blocks of these sizes, the last of them again and again."""
    data, at = text.encode() if isinstance(text, str) else text, 0
    for size in chain(sizes, repeat(sizes[-1])):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


def read(text, sizes=(1 << 18,), listed="list", fold=str):
    """All members of an object."""
    return list(members(Scanner(pieces(text, sizes), fold), fold, listed))


def plain(text):
    """The same by the standard library, numbers as text."""
    found = json.loads(text, parse_int=str, parse_float=str)
    rows = []
    for name, value in found.items():
        if name == "list" and isinstance(value, list):
            rows += [(name, 0, None), *((name, n, element) for n, element in enumerate(value, 1))]
        else:
            rows.append((name, None, value))
    return rows


@given(
    objects,
    st.none() | st.lists(values, max_size=6),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_it_reads_what_the_standard_library_reads(object_, elements, indent, plain_ascii, sizes):
    """A text would be read differently because of where a block of the file ends."""
    whole = {**object_, "list": elements}
    text = json.dumps(whole, indent=indent, ensure_ascii=plain_ascii)
    assert read(text, sizes) == plain(text)


@given(objects, st.lists(values, max_size=3), st.integers(0, 400), st.lists(st.integers(1, 40), min_size=1))
def test_a_part_is_refused_wherever_it_ends(object_, elements, cut, sizes):
    """Half a file would be taken for a whole one."""
    text = json.dumps({**object_, "list": elements}, ensure_ascii=False)
    with pytest.raises(Unreadable) as caught:
        read(text[: min(cut, len(text) - 1)], sizes)
    assert str(caught.value).isprintable()


@given(st.text(st.sampled_from('{}[]",:\\u01e-.tfn \n'), max_size=30))
def test_nothing_is_taken_that_the_standard_library_refuses(text):
    """A damaged file would be read as something that nobody wrote."""
    try:
        found = read("{" + text)
    except Unreadable:
        return
    assert found == plain("{" + text)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ('{"a": 1, "a": 2}', 1, 10, '"a" is given twice'),
        ('{"a": {"b": 1,\n"b": 2}}', 1, 7, 'in the value that starts here, "b" is given twice'),
        ('{"list": [{"b": 1},\n {"b": 1, "b": 2}]}', 2, 2, '"b" is given twice'),
        ('{\n"a": -Infinity}', 2, 6, "-Infinity is no number"),
        ('{"a": 1,}', 1, 9, "a name in double quotes must stand here"),
        ("{'a': 1}", 1, 2, "a name in double quotes must stand here"),
        ('{"a" 1}', 1, 6, ": must stand here"),
        ('{"a": 1 "b": 2}', 1, 9, ", or } must stand here"),
        ('{"a": [1 2]}', 1, 10, "a comma or closing bracket must stand here"),
        ('{"list": [1, ]}', 1, 14, "the comma before it may be too many"),
        ('{"list": [1 2]}', 1, 13, ", or ] must stand here"),
        ('{"a": "x\ty"}', 1, 9, "a control character stands in a text"),
        ('{"a": "x\\y"}', 1, 9, "a backslash in a text must be written twice"),
        ('{"a": "\\u12"}', 1, 9, "four hexadecimal digits must follow"),
        ('{"a":\r\n\r\n tru}', 3, 2, "a text in double quotes, a number, true, false, null"),
        ('{"a": 1}\n\n[', 3, 1, "nothing may follow the closing bracket of the object"),
        ('{"a": 01}', 1, 8, ", or } must stand here"),
        ("", 1, 1, "the file ends here, but { must stand here: it may not be complete"),
        ('{"a": ' + "[" * 10_000, 1, 7, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("sizes", [(1 << 18,), (3,)])
def test_what_is_wrong_is_said_with_its_place(text, line, column, said, sizes):
    """A client would have to search a long file for a comma."""
    with pytest.raises(Unreadable) as caught:
        read(text, sizes)
    cause = caught.value.cause
    assert said in cause.reason
    assert (cause.line, cause.column) == (line, str(column))


def test_names_that_fold_to_the_same_are_the_same():
    """Of Start and START, one would be passed over without a word."""
    assert read('{"A": {"B": 1}}', fold=str.lower) == [("a", None, {"b": "1"})]
    for text in ('{"A": 1, "a": 2}', '{"x": {"A": 1, "a": 2}}'):
        with pytest.raises(Unreadable, match="given twice"):
            read(text, fold=str.lower)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(ends):
    """A client on DOS or a Mac would be sent to the wrong line."""
    text = "{" + ends * 5 + '"é": 1,' + ends + "x"
    for sizes in ((1 << 18,), (2,)):
        with pytest.raises(Unreadable) as caught:
            read(text, sizes)
        assert (caught.value.cause.line, caught.value.cause.column) == (7, "1")


@pytest.mark.parametrize("sizes", [(1 << 18,), (3,)])
def test_bytes_that_are_no_utf8_are_named_with_their_line(sizes):
    """A client would not know which name to write anew."""
    with pytest.raises(Unreadable, match="line 3: hexadecimal E9 is no UTF-8: save the file in the encoding"):
        read(b'\xef\xbb\xbf{\n"a": "\xc3\xa9",\n"b": "\xe9"}', sizes)


def test_a_value_has_a_bound():
    """One text without end would take the server's memory."""
    assert read('{"a": "' + "x" * MAX_VALUE + '"}')[0][2] == "x" * MAX_VALUE
    for value in ('"' + "x" * 4 * MAX_VALUE + '"', "[" + "1," * 2 * MAX_VALUE + "1]", "1" * 4 * MAX_VALUE):
        with pytest.raises(Unreadable, match="over 1,048,576 characters"):
            read('{"a": ' + value + "}")


def test_an_object_has_a_bound():
    """A file of nothing but names would take the server's memory."""
    text = "{" + ",".join(f'"{number}": 1' for number in range(100_000)) + "}"
    with pytest.raises(Unreadable, match="over 100 members"):
        read(text)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_list():
    """One large file would push the server out of memory."""
    element = b'{"msisdn": "27821234567", "message": "Hello"},\n' * 1000
    blocks = chain([b'{"list": ['], repeat(element, 100), [b'{"msisdn": "1"}]}'])
    tracemalloc.start()
    count = sum(1 for _ in members(Scanner(blocks, str), str, "list"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_002
    assert peak < 2_000_000
