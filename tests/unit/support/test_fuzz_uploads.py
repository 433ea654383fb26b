"""Every reader of strangers' bytes, with the same damaged input each time."""

import pytest

from tests.support.fuzz_uploads.__main__ import KINDS, run

CASES = 150


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_input_is_told_of_and_breaks_nothing(kind):
    """One odd file, cell or packet would end a reader or a session with a traceback."""
    for seed in range(CASES):
        run(kind, seed)
