"""Settings of all unit tests."""

import os
import sys
import threading

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings

from smsfs.frontends import logins

# A busy machine makes single examples slow; the bound on every test is pytest-timeout's.
settings.register_profile("smsfs", deadline=None)
settings.load_profile("smsfs")


@pytest.fixture(autouse=True)
def quick_hasher(monkeypatch):
    """Hash passwords in no time; what it takes in production is tested with the logins."""
    monkeypatch.setattr(logins, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def process_as_before(monkeypatch):
    """Undo what a test's commands set for the whole process; a command that is a process needs no undoing.

    Otherwise later tests, in an order that nobody chose, see no log events, no faults of threads, or modes of
    files that they did not ask for.
    """
    configured, before, umask = structlog.is_configured(), structlog.get_config(), os.umask(0o022)
    os.umask(umask)
    processors, configure = list(before["processors"]), structlog.configure
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    # loggers of modules that kept their configuration would keep it for ever
    monkeypatch.setattr(
        structlog, "configure", lambda **given: configure(**given | {"cache_logger_on_first_use": False})
    )
    yield
    os.umask(umask)
    if configured:
        configure(**before | {"processors": processors})
    else:
        structlog.reset_defaults()
