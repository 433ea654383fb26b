"""What the crash tests share: repeatable chance."""

import os
import random
import secrets
import sys

import pytest


@pytest.fixture
def chance():
    """Random numbers whose seed is shown when a test fails; the same seed makes the same ones."""
    seed = int(os.environ.get("SMSFS_SEED") or secrets.randbits(32))
    sys.stdout.write(f"SMSFS_SEED={seed} repeats this run's random choices\n")
    return random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
