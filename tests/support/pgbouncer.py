"""PgBouncer in front of a test's PostgreSQL server, as Debian ships it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.support.postgres import PATIENCE, USER, PostgresServer
from tests.support.server import free_ports, wait_for

PROGRAM = "/usr/sbin/pgbouncer"


class PgBouncer:
    """A pooler that lets everybody in; as a context manager, started and surely ended.

    Args:
        server: where its sessions are.
        mode: ``session`` or ``transaction``.
        settings: more of its section ``[pgbouncer]``.
    """

    def __init__(self, server: PostgresServer, mode: str, settings: dict[str, str] | None = None) -> None:
        (self.port,) = free_ports(1)
        self._server = server
        self.folder = Path(tempfile.mkdtemp(prefix="smsfs-pgbouncer-"))
        self._settings = settings or {}
        self._write(mode)

    def _write(self, mode: str) -> None:
        own = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "max_client_conn": "500",
            "default_pool_size": "50",
            "admin_users": USER,
            "logfile": str(self.folder / "log"),
        }
        lines = [f"{name} = {value}" for name, value in (own | self._settings).items()]
        databases = f"* = host=127.0.0.1 port={self._server.port} user={USER}"
        text = "\n".join(["[databases]", databases, "[pgbouncer]", *lines, ""])
        (self.folder / "pgbouncer.ini").write_text(text, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, USER, USER)

    def url(self, database: str) -> str:
        """The way to a database, given by its URL at the server, through the pooler."""
        return database.replace(f":{self._server.port}/", f":{self.port}/")

    def change_mode(self, mode: str) -> None:
        """Set another mode, and have clients that come from now on pooled so."""
        self._write(mode)
        with psycopg.connect(self.url(self._server.url("pgbouncer")), autocommit=True) as connection:
            connection.pgconn.exec_(b"RELOAD")

    def __enter__(self) -> Self:
        command = [PROGRAM, "-q", str(self.folder / "pgbouncer.ini")]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *command]
        self._process = subprocess.Popen(command, cwd=self.folder, start_new_session=True)
        wait_for(lambda: self._answers() or self._process.poll() is not None, "PgBouncer to start")
        if self._process.poll() is not None:
            raise RuntimeError(f"PgBouncer did not start; see {self.folder}/log")
        return self

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(self._server.url("postgres")), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)
