"""What the crash tests share: repeatable chance."""

import os
import random
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def chance():
    """Random numbers whose seed is shown when a test fails; the same seed makes the same ones."""
    seed = int(os.environ.get("SMSFS_SEED") or secrets.randbits(32))
    sys.stdout.write(f"SMSFS_SEED={seed} repeats this run's random choices\n")
    return random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """The run of each fault that is to be tested; several at a time, since each waits for the most part."""
    module = request.module
    faults = [item.callspec.params["fault"] for item in request.session.items if item.module is module]
    with ThreadPoolExecutor(module.AT_ONCE) as pool:
        yield {fault: pool.submit(module.run, tmp_path_factory.mktemp("run"), fault) for fault in faults}
        pool.shutdown(cancel_futures=True)
