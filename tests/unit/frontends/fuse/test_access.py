"""Whose the files of a mount are, and with which modes."""

import os
import tempfile
from pathlib import Path

import pytest

from smsfs.errors import ConfigurationError
from smsfs.frontends.fuse.access import Access, group_id, umask_of, user_id


@pytest.mark.parametrize(
    ("umask", "draft", "finished", "folder"),
    [
        (0o022, 0o644, 0o444, 0o755),
        (0o007, 0o660, 0o440, 0o770),
        (0o027, 0o640, 0o440, 0o750),
        (0o000, 0o666, 0o444, 0o777),
        (0o222, 0o444, 0o444, 0o555),
    ],
)
def test_modes(umask, draft, finished, folder):
    """A group that is to send could not write, or others could read customers' numbers."""
    access = Access(umask=umask)
    assert [access.mode(own) for own in (0o644, 0o444, 0o755)] == [draft, finished, folder]


def test_modes_are_enforced_wherever_others_may_come():
    """Everybody on the host could write in the name of who mounts."""
    assert not Access().options()["default_permissions"]
    assert Access(allow_other=True).options()["default_permissions"]
    assert Access(uid=os.getuid() + 1).options()["default_permissions"]


def test_users_and_groups_by_name_or_number():
    """A script would have to look up numbers that differ from host to host."""
    assert (user_id("root"), user_id("65534"), group_id("root"), group_id("12")) == (0, 65534, 0, 12)
    for read, text in ((user_id, "no such user"), (group_id, "-1"), (user_id, str(2**32 - 1)), (user_id, "")):
        with pytest.raises(ValueError, match="this host has no"):
            read(text)


@pytest.mark.parametrize("text", ["", "8", "1000", "-7", "0o22", "٢٢"])
def test_what_is_no_umask(text):
    """A slip would let everybody read, or nobody."""
    with pytest.raises(ValueError, match="is no umask"):
        umask_of(text)
    assert (umask_of("7"), umask_of("0027")) == (0o007, 0o027)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("lines", "allowed"),
    [(None, False), ("#user_allow_other\n", False), ("mount_max = 5\nuser_allow_other # all\n", True)],
)
def test_the_administrator_decides_whether_plain_users_let_others_in(lines, allowed):
    """A plain user would read a code of libfuse and not learn what is missing."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        configuration = Path(name) / "fuse.conf"
        if lines is not None:
            configuration.write_text(lines)
        Access(allow_other=True).check(configuration)  # root may
        os.seteuid(65534)
        try:
            if allowed:
                Access(allow_other=True).check(configuration)
            else:
                with pytest.raises(ConfigurationError, match="a line that says user_allow_other"):
                    Access(allow_other=True).check(configuration)
            Access().check(configuration)
        finally:
            os.seteuid(0)
