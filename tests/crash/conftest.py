"""What the crash tests share: repeatable chance."""

import os
import random
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def may_log(may_log):
    """The errors that servers may log while they are killed, or their database or disk is."""
    return may_log | {
        "worker_ended": "it was killed, or ended itself since the store was away",
        "worker_does_not_stay_up": "the store was away for some of its starts",
        "reader_died": "it was killed with its worker",
        "login_check_failed": "the store was away",
        "bans_not_known": "the store was away",
        "ended": "the store was away when it started",
    }


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
