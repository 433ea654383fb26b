"""HAProxy before real servers, with the configuration that ``packaging/`` gives to administrators."""

import contextlib
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from tests.support.server import Server, free_ports, wait_for

EXAMPLE = Path(__file__).parents[2] / "packaging" / "haproxy.cfg"
#: Where HAProxy listens and connects from: for ``proxy_from`` of the servers.
BALANCER = "127.0.0.1"
#: The addresses of the two hosts in the example.
HOSTS = ("192.0.2.11", "192.0.2.12")
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_BOUND = 20.0


def program(name: str) -> str:
    """The path of a program of the administrator's.

    Raises:
        RuntimeError: it is not installed.
    """
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise RuntimeError(f"{name} is not installed: packaging/test does that")
    return found


def page(port: int, path: str) -> tuple[int, str]:
    """Status and text of a page on loopback.

    Raises:
        OSError: nothing answers there.
    """
    try:
        with urllib.request.urlopen(f"http://{BALANCER}:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode()


class HaProxy:
    """HAProxy with the example, but for its addresses; who may not change the user runs it as himself.

    Args:
        folder: gets its configuration and its log.
        servers: the two that it spreads sessions over. They run, have ``BALANCER`` in ``proxy_from`` and a
            section ``[web]``; if one is started again, then on the same ports.

    Attributes:
        port: where clients connect.
        alive: where it says that it is alive.
    """

    def __init__(self, folder: Path, servers: Sequence[Server]) -> None:
        self.port, self.alive = free_ports(2)
        changed = {"bind :2022": f"bind {BALANCER}:{self.port}", "127.0.0.1:8404": f"{BALANCER}:{self.alive}"}
        for host, server in zip(HOSTS, servers, strict=True):
            here = f"{BALANCER}:{server.port} check port {server.web_port}"
            changed[f"{host}:8022 check port 8080\n"] = f"{here}\n"
        if os.geteuid() != 0:
            changed |= {"    user haproxy\n": "", "    group haproxy\n": ""}
        text = EXAMPLE.read_text(encoding="utf-8")
        for old, new in changed.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self._configuration = folder / "haproxy.cfg"
        self._configuration.write_text(text, encoding="utf-8")
        self._log = folder / "haproxy.log"

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Check the configuration, then run it."""
        command = [program("haproxy"), "-f", str(self._configuration)]
        checked = subprocess.run(
            [*command, "-c"], capture_output=True, text=True, timeout=_BOUND, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert not re.search("WARNING|ALERT", checked.stderr), checked.stderr
        with (
            self._log.open("wb") as log,
            subprocess.Popen([*command, "-db"], stderr=log) as process,
        ):
            try:
                wait_for(self.is_alive, "HAProxy to answer")
                yield self
            finally:
                process.terminate()

    def is_alive(self) -> bool:
        """What keepalived asks."""
        with contextlib.suppress(OSError):
            return page(self.alive, "/alive")[0] == 200
        return False
