import errno
import socket
import subprocess
import sys

import pytest

from smsfs.frontends.listen_errors import cannot_listen


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


#: A server in a process that may have few open files: it uses them all up, and lets go of them later.
CRAMPED = """
import asyncio, os, resource, sys, uvloop
from smsfs.frontends.listen_errors import open_listener

class Hello(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(b"hello")
        transport.close()

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    listeners = [await open_listener(Hello, "127.0.0.1", 0, 500) for _ in range(3)]
    print(*(listener.addresses[0][1] for listener in listeners), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        print("full", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for number in held:
        os.close(number)
    await asyncio.to_thread(sys.stdin.readline)
    for listener in listeners:
        listener.close()

uvloop.run(main())
"""


def test_a_system_without_descriptors_is_one_line_and_a_pause():
    """The server would write tracebacks, megabytes a second, and serve nobody any more."""
    process = subprocess.Popen(
        [sys.executable, "-c", CRAMPED], stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True
    )
    with process:
        ports = [int(port) for port in process.stdout.readline().split()]
        print(file=process.stdin, flush=True)
        lines = []
        while (line := process.stdout.readline().strip()) != "full":
            lines.append(line)
        clients = [socket.create_connection(("127.0.0.1", port), 60) for port in ports * 20]
        line = process.stdout.readline()
        print(file=process.stdin, flush=True)
        assert [client.recv(5) for client in clients] == [b"hello"] * 60
        for client in clients:
            client.close()
        rest, _ = process.communicate("\n", timeout=60)
    assert lines == []
    assert "accept_paused" in line
    assert "Too many open files" in line
    assert rest == ""
