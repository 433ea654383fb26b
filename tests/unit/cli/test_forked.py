"""Processes that are forked to be workers, and told so later."""

import json
import signal
import subprocess
import sys

import pytest

#: A server in miniature: a process of one thread that forks two, and does with them as it is told.
PARENT = """
import asyncio, json, os, signal, sys
from pathlib import Path
from smsfs.cli.forked import Forked, fork_waiting

def run(arguments):
    if arguments[0] == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    number = int(arguments[-1])
    line = Path("/proc/self/cmdline").read_bytes().decode().split("\\0")
    opened = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())[:-1]
    said = {"line": line[:3], "given": os.pread(number, 9, 0).decode(), "opened": len(opened)}
    print(json.dumps(said | {"session": os.getsid(0) == os.getpid()}), flush=True)
    while os.read(0, 100):
        pass
    sys.exit(7)

async def lead(waiting):
    given = os.memfd_create("given")
    os.pwrite(given, b"a message", 0)
    first = await Forked.started(waiting[0], ["worker", "intake"], {"--in-hand": given})
    said = json.loads(await first.stdout.readline())
    first.stdin.close()
    second = await Forked.started(waiting[1], ["die"], {})
    os.kill(waiting[2].pid, signal.SIGKILL)
    os.waitid(os.P_PID, waiting[2].pid, os.WEXITED | os.WNOWAIT)
    gone = await Forked.started(waiting[2], ["worker", "intake"], {})
    print(json.dumps(said | {"ends": [await first.wait(), await second.wait()], "gone": gone}))

asyncio.run(lead(fork_waiting(3, run)))
"""


@pytest.fixture(scope="module")
def told():
    """What the processes of ``PARENT`` told."""
    done = subprocess.run([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


def test_a_forked_worker_is_what_a_fresh_one_is(told):
    """Operators would not find a worker in ps, and a signal to the server's terminal would end it."""
    assert told["line"] == ["smsfs", "worker", "intake"]
    assert told["session"]


def test_it_has_the_files_that_it_is_given_and_no_others(told):
    """A worker would not end with its server while another one held the server's end of its input."""
    assert told["given"] == "a message"
    assert told["opened"] == 4  # the three that each process has, and the one given


def test_how_it_ended_is_known(told):
    """A reader's fault would be taken for an end by somebody else, and the file be read again and again."""
    assert told["ends"] == [7, -signal.SIGSEGV]


def test_one_that_died_while_it_waited_is_replaced(told):
    """A server whose memory ran short at its start would never have that worker."""
    assert told["gone"] is None


def test_all_end_with_a_server_that_was_killed():
    """Processes that wait for ever would be left after each failed start."""
    code = """if True:
        import os, signal
        from smsfs.cli.forked import fork_waiting
        print(len(fork_waiting(2, print)), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    # what they have of its standard error is open until the last of them has ended
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (done.returncode, int(done.stdout)) == (-signal.SIGKILL, 2)


def test_a_process_with_threads_forks_none():
    """A worker would wait for ever for a lock that a thread of the server held when it was forked."""
    code = """if True:
        import threading
        from smsfs.cli.forked import fork_waiting
        ended = threading.Event()
        threading.Thread(target=ended.wait).start()
        print(len(fork_waiting(2, print)))
        ended.set()"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60, check=True)
    assert int(done.stdout) == 0
