"""Receipts and replies that nobody thought of, the same ones each time."""

import pytest

from tests.support.fuzz import carriers


@pytest.mark.parametrize("seed", [20261130, 1, 2])
def test_nothing_is_misread_or_lost(seed):
    """A receipt or a person's answer would be acknowledged and be gone, or be read as something else."""
    assert carriers.run(seed, steps=400) == 1600


def test_a_loss_would_be_seen(monkeypatch):
    """The fuzzing would find nothing, whatever is lost."""
    monkeypatch.setattr(carriers, "delivered", lambda *_: None)
    with pytest.raises(carriers.Found):
        carriers.run(3, steps=1)
