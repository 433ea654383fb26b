"""A PostgreSQL server of a test's own, on loopback, with a standby if it wants one."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.support.server import children, free_ports, stop_process, wait_for

USER = "postgres"
PATIENCE = 60.0
SHOWN_LINES = 20
#: The data are thrown away: what a killed server process has written, the kernel still has. It may be half a
#: page, so pages are written to the log in full.
SETTINGS = {"fsync": "off", "max_connections": "200", "wal_level": "replica"}


def programs() -> Path:
    """The folder of PostgreSQL's server programs.

    Raises:
        RuntimeError: there is none; the Debian package is named.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent if found else Path(str(on_path)).parent


class PostgresServer:
    """A server in a temporary folder; ``stop`` removes it.

    Args:
        settings: of postgresql.conf, beside those that make a throw-away server quick.
        source: another server to be a streaming standby of.
        options: more for ``initdb``.
    """

    def __init__(
        self,
        settings: dict[str, str] | None = None,
        source: "PostgresServer | None" = None,
        options: Sequence[str] = (),
    ) -> None:
        (self.port,) = free_ports(1)
        self.folder = Path(tempfile.mkdtemp(prefix="smsfs-postgres-"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
        if source:
            self._copy(source)
        else:
            given = ("-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
            self._run("initdb", *given, *options)
        self._settings = SETTINGS | (settings or {})
        self.start()

    def _copy(self, source: "PostgresServer") -> None:
        name = f"standby{self.port}"
        link = f"host=127.0.0.1 port={source.port} user={USER} application_name={name}"
        self._run(
            "pg_basebackup", "-D", str(self.data), "-d", link, "-R", "-X", "stream", "-c", "fast", "--no-sync"
        )
        self.name = name

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        command = [str(programs() / program), *arguments]
        return (
            ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *command]
            if os.geteuid() == 0
            else command
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, arguments), capture_output=True, text=True, cwd=self.folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        arguments = [
            f"--{key.replace('_', '-')}={value}" for key, value in (self._settings | options).items()
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", ["-D", str(self.data), *arguments]),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        wait_for(lambda: self._answers() or self.process.poll() is not None, "PostgreSQL to start")
        if self.process.poll() is not None:
            lines = (self.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
            raise RuntimeError("\n".join(["PostgreSQL did not start:", *lines[-SHOWN_LINES:]]))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        """To connect to a database of this server."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement; its rows, if it has any."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, options: str = "") -> str:
        """The URL of a new, empty database."""
        name = f"smsfs_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def new_role(self, database: str, options: str = "") -> str:
        """Make a role that may make tables in a database; that database's URL with it as the user."""
        name = f"role_{uuid4().hex}"
        self.execute(f"CREATE ROLE {name} LOGIN {options}")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"GRANT ALL ON SCHEMA public TO {name}".encode())
        return database.replace(f"//{USER}@", f"//{name}@")

    def drop_role(self, url: str) -> None:
        """Remove a role, given by such a URL, once its database is dropped."""
        self.execute(f"DROP ROLE {url.partition('//')[2].partition('@')[0]}")

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        if self.process.poll() is None:
            stop_process(self.process.pid)  # or it would start again what is killed first
            processes = [*children(self.process.pid), self.process.pid]  # each has a process group of its own
            for pid in processes:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
            wait_for(lambda: not any(map(_runs, processes)), "the last process of PostgreSQL to end")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def promote(self) -> None:
        """Make a standby the server that is written to."""
        self._run("pg_ctl", "promote", "-D", str(self.data), "-w")

    def stop(self) -> None:
        """End it and remove its folder."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX"
