import errno
import socket

import pytest

from smsfs.frontends.listening import cannot_listen


@pytest.mark.parametrize(
    ("exc", "told"),
    [
        (
            OSError(errno.EADDRINUSE, "x"),
            "Address already in use. Stop what listens there, or change listen under",
        ),
        (
            PermissionError(errno.EACCES, "x"),
            "Permission denied. Ports below 1024 are root's: lower sysctl net",
        ),
        (OSError(errno.EADDRNOTAVAIL, "x"), "Cannot assign requested address. Change listen under [ftp]."),
        (
            socket.gaierror(-2, "Name or service not known"),
            "Name or service not known. Change listen under [ftp].",
        ),
    ],
)
def test_advice_fits_the_reason(exc, told):
    """An operator who wants port 21 would look for another program that has it, and find none."""
    said = str(cannot_listen("FTP", "ftp", "127.0.0.1", 21, exc))
    assert said.startswith(f"FTP cannot listen on 127.0.0.1:21: {told}")
    assert said.endswith("hange listen under [ftp].")
