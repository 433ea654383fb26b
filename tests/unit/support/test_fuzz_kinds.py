"""Every reader of strangers' bytes, with the same damaged input each time."""

import pytest

from tests.support.fuzz.__main__ import KINDS, run

CASES = 150
#: Each is hundreds of PDUs and a store of its own.
LARGE_CASES = {"deliveries": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_input_is_refused_and_breaks_nothing(kind):
    """One odd file, cell or packet would end a reader or a session with a traceback."""
    for seed in range(LARGE_CASES.get(kind, CASES)):
        run(kind, seed)
