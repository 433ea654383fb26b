"""The numbered steps of the schema."""

from importlib import resources

import pytest


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_each_step_has_a_number_of_its_own(engine):
    """Two steps of one number could be taken in another order elsewhere, and a store be upgraded wrongly."""
    folder = resources.files(f"smsfs.store.{engine}").joinpath("migrations")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
