"""How a program is ending, from what Linux tells of it."""

import os

import pytest

from smsfs.frontends.fuse.killed import was_killed

SIGNALED, EXITING = 0x40040C, 0x40000C
RUNNING = 0x400000


@pytest.fixture
def told(tmp_path):
    """Write what the kernel tells of task 7; whether that was killed."""

    def told(flags, code):
        (tmp_path / "7").mkdir()
        fields = ["D", "1", "7", "7", "0", "-1", str(flags), *["0"] * 42, str(code)]
        (tmp_path / "7" / "stat").write_text(f"7 (a) b (c)) {' '.join(fields)}\n")
        return was_killed(7, tmp_path)

    return told


@pytest.mark.parametrize(
    ("flags", "code", "killed"),
    [(SIGNALED, 9, True), (SIGNALED, 2, True), (SIGNALED, 3 << 8, False), (EXITING, 0, False)],
)
def test_a_signal_is_told_from_an_exit(told, flags, code, killed):
    """Half a file would be sent, or a whole one refused because its program ended with an error."""
    assert told(flags, code) == killed


@pytest.mark.parametrize(("flags", "killed"), [(SIGNALED, True), (EXITING, False), (RUNNING, False)])
def test_another_user_s_exit_code_is_hidden(told, monkeypatch, flags, killed):
    """With --allow-other, what a killed program of another user has written in part would be sent."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert told(flags, 0) == killed


def test_a_task_that_cannot_be_seen(tmp_path):
    """Nothing could be written from a container whose programs the mount does not see."""
    assert not was_killed(0, tmp_path)
