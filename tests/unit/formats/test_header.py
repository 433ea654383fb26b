"""The first row."""

import pytest

from smsfs.errors import Unreadable
from smsfs.formats import header


def _positions(names, *, ignore=False):
    return header.positions(
        names, 1, ("to", "text"), ("from",), {";": "semicolons", "\t": "tabs"}, ignore_unknown=ignore
    )


def test_columns_are_found_in_any_order():
    """A text would be sent to the number in another column."""
    assert _positions(["from", "text", "to"]) == {"from": 0, "text": 1, "to": 2}
    assert _positions(["x", "text", "", "to", "x"], ignore=True) == {"text": 1, "to": 3}


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["to", "text", "to"], 'names column "to" twice'),
        (["to"], 'names no column "text"'),
        (["to", "Text"], 'column "Text" must be named "text" exactly'),
        (["to", "text", " from"], 'column " from" must be named "from" exactly'),
        (["to;text"], "semicolons"),
        (["to\ttext"], "tabs"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(ignore, names, said):
    """A misspelt column would be left out in silence, though the account ignores only unknown ones."""
    with pytest.raises(Unreadable, match=said) as caught:
        _positions(names, ignore=ignore)
    assert caught.value.cause.line == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["to", "text", "sendtime"], 'column "sendtime" is unknown; the columns are to, text, from'),
        (["to", "text", ""], "column 3 of the first row has no name"),
    ],
)
def test_unknown_columns_are_named(names, said):
    """A client who counts on a column that smsfs does not know would never hear of it."""
    with pytest.raises(Unreadable, match=said):
        _positions(names)
