"""The log, as people and programs read it."""

import json
import os
import subprocess
import sys
import unicodedata

import pytest

EVENTS = """
import logging, sys, warnings
from smsfs.cli.logs import configure, log
from smsfs.config import LogConfig
configure(LogConfig(format=sys.argv[1]))
evil = "x\\x1b]0;owned\\x07\\x7f\\x9b2J\\u202e\\u2028\\udc80\\r\\n2026-01-01 [info] login account=root"
log.info("refused", file=evil, several=[evil], map={evil: evil}, plain="a b")
logging.getLogger("library").warning("said %s", evil)
log.bind(stranger=True).info("login_failed", account=evil * 50, sentence="y" * 129, short="z" * 128)
try:
    raise ValueError(evil)
except ValueError:
    log.exception("failed")
    logging.getLogger("library").exception("failed too")
raise ValueError(evil)
"""


def _log(format_):
    done = subprocess.run(
        [sys.executable, "-c", EVENTS, format_], capture_output=True, check=False, timeout=60
    )
    return done.stderr.decode("utf-8").split("\n")


@pytest.mark.parametrize("format_", ["console", "json"])
def test_the_log_steers_nothing_and_is_not_forged(format_):
    """A client could clear the operator's screen, or write a login of somebody else into the log."""
    lines = _log(format_)
    assert not any(unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs", "Cf"} for line in lines for c in line)
    assert sum("owned" in line for line in lines) >= 6
    assert not any(line.startswith("2026-01-01 [info") for line in lines)
    if format_ == "json":
        assert [json.loads(line)["event"] for line in lines[:1] + lines[-2:-1]] == ["refused", "crashed"]
    else:
        assert "file='x\\x1b]0;owned" in lines[0]


def test_a_stranger_cannot_fill_the_log():
    """Names of a megabyte, from anybody, would fill the disk that messages are kept on."""
    (event,) = (json.loads(line) for line in _log("json") if "login_failed" in line)
    assert len(event["account"]) <= 128 < len(event["account"]) * 6
    assert (len(event["sentence"]), event["short"]) == (128, "z" * 128)
    assert "stranger" not in event
    (line,) = (line for line in _log("console") if "login_failed" in line)
    assert len(line) < 3 * 130 + 120


PLUGIN = r"""
import fs, structlog
try:
    fs.open_fs("smsfs://nobody")
except Exception:
    pass
structlog.get_logger().info("small talk")
structlog.get_logger().warning("refused", file="x\x1b[2J\u202e\n2026 [info] forged")
"""


def test_a_program_that_uses_the_plugin_has_a_quiet_terminal(tmp_path):
    """A client's file name would act on the terminal of whoever runs a script with PyFilesystem."""
    command = [sys.executable, "-W", "ignore", "-c", PLUGIN]
    environment = {**os.environ, "SMSFS_DATA": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60, cwd=tmp_path)
    (line,) = done.stderr.decode().splitlines()
    assert "refused" in line
    assert "file='x\\x1b[2J\\u202e\\n2026 [info] forged'" in line
    assert not any(unicodedata.category(c) in {"Cc", "Cf"} for c in line.replace("\x1b[", ""))
