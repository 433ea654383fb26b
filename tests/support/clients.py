"""The clients that people send files with, run as they run them.

Each uploads a file, renames it to end in ``.ready`` and lists the folder; each also fetches a file. A client
that fails raises ``ClientFailed``; one that is not installed, ``FileNotFoundError``.
"""

import os
import shlex
import stat
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncssh
from attrs import frozen

BOUND = 60.0
_UNKNOWN_HOST = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
_SSH_OPTIONS = ("-F", "none", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", *_UNKNOWN_HOST)


class ClientFailed(Exception):
    """A client ended with another status than 0; ``words`` are all that it said."""

    def __init__(self, program: str, status: int, output: str, errors: str) -> None:
        self.status = status
        self.words = f"{output}{errors}".strip()
        super().__init__(f"{program} ended with status {status}: {self.words}")


@frozen
class Login:
    """Where and as whom a client logs in.

    Attributes:
        port: on 127.0.0.1.
        account: the name.
        password: its password.
        key: a private key file of OpenSSH that the account has; the public key stands beside it in ``.pub``.
        host_key: the fingerprint of the server's Ed25519 key, ``SHA256:...``.
        home: the client's home folder, for its configuration.
    """

    port: int
    account: str
    password: str
    key: Path
    host_key: str
    home: Path


def make_key(folder: Path) -> Path:
    """Make the key pair ``key`` and ``key.pub`` in a folder; the private key's path."""
    pair, path = asyncssh.generate_private_key("ssh-ed25519"), folder / "key"
    pair.write_private_key(path)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    pair.write_public_key(path.with_suffix(".pub"))
    return path


class Client(ABC):
    """A program that uploads files.

    Args:
        login: for SFTP.

    Attributes:
        home: the folder it runs in, with its configuration.
    """

    def __init__(self, login: Login) -> None:
        self.login = login
        self.home = login.home
        self.place = f"{login.account}@127.0.0.1"

    @abstractmethod
    def send(self, file: Path) -> str:
        """Upload a file under its own name, rename that to end in ``.ready``; the listing right after."""

    @abstractmethod
    def put(self, file: Path, target: str) -> None:
        """Upload a file to a path, and nothing more, for systems that submit on close."""

    @abstractmethod
    def fetch(self, name: str, target: Path) -> None:
        """Download a file."""

    def run(self, *command: str, text: str = "") -> str:
        """Run a program with ``text`` on its standard input; what it wrote to standard output."""
        environment = {**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=BOUND,
            env=environment,
            cwd=self.home,
        )
        if done.returncode:
            raise ClientFailed(command[0], done.returncode, done.stdout, done.stderr)
        return done.stdout


class OpenSsh(Client):
    """OpenSSH's ``sftp`` with a batch file."""

    def batch(self, *commands: str) -> str:
        """Run commands of ``sftp``, up to the first that fails; what it printed."""
        return self.run(*self.command("-b", "-"), text="\n".join(commands) + "\n")

    def command(self, *options: str) -> Sequence[str]:
        """The command line of ``sftp`` with further options."""
        login = self.login
        return ("sftp", *_SSH_OPTIONS, "-i", str(login.key), "-P", str(login.port), *options, self.place)

    def send(self, file: Path) -> str:
        """Put, rename, list in one session."""
        name = shlex.quote(file.name)
        return self.batch(f"put {shlex.quote(str(file))} {name}", f"rename {name} {name}.ready", "ls -1")

    def put(self, file: Path, target: str) -> None:
        """Put with times and mode."""
        self.batch(f"put -p {shlex.quote(str(file))} {shlex.quote(target)}")

    def fetch(self, name: str, target: Path) -> None:
        """Get in a session of its own."""
        self.batch(f"get {shlex.quote(name)} {shlex.quote(str(target))}")


class Scp(OpenSsh):
    """OpenSSH's ``scp``, which cannot rename: ``sftp`` does that."""

    def _copy(self, source: str, target: str, *options: str) -> None:
        login = self.login
        options = ("-i", str(login.key), "-P", str(login.port), "-q", *options)
        self.run("scp", *_SSH_OPTIONS, *options, source, target)

    def send(self, file: Path) -> str:
        """Copy with scp, rename and list with sftp."""
        self._copy(str(file), f"{self.place}:{file.name}")
        name = shlex.quote(file.name)
        return self.batch(f"rename {name} {name}.ready", "ls -1")

    def put(self, file: Path, target: str) -> None:
        """Copy with times and mode."""
        self._copy(str(file), f"{self.place}:{target}", "-p")

    def fetch(self, name: str, target: Path) -> None:
        """Copy with scp."""
        self._copy(f"{self.place}:{name}", str(target))


class Lftp(Client):
    """lftp with a password."""

    def _script(self, *commands: str) -> str:
        login = self.login
        ssh = shlex.join(["ssh", "-a", "-x", *_SSH_OPTIONS, "-o", "PubkeyAuthentication=no"])
        settings = (
            f"set sftp:connect-program {shlex.quote(ssh)}",
            "set sftp:auto-confirm yes",
            "set net:max-retries 1",
            "set cmd:fail-exit yes",
            f"open -u {login.account},{login.password} sftp://127.0.0.1:{login.port}",
        )
        return self.run("lftp", "-c", "; ".join([*settings, *commands]))

    def send(self, file: Path) -> str:
        """Put, mv, list in one session."""
        return self._script(f'put "{file}"', f'mv "{file.name}" "{file.name}.ready"', "cls -1")

    def put(self, file: Path, target: str) -> None:
        """Put under the final name."""
        self._script(f'put "{file}" -o "{target}"')

    def fetch(self, name: str, target: Path) -> None:
        """Get in a session of its own."""
        self._script(f'get "{name}" -o "{target}"')


class Psftp(Client):
    """PuTTY's psftp with a password."""

    def _batch(self, *commands: str) -> str:
        login = self.login
        script = login.home / "psftp-commands"
        script.write_text("\n".join(commands) + "\n", encoding="utf-8")
        options = ("-batch", "-noagent", "-hostkey", login.host_key, "-pw", login.password)
        return self.run("psftp", *options, "-P", str(login.port), "-b", str(script), self.place)

    def send(self, file: Path) -> str:
        """Put, mv, list in one session."""
        return self._batch(f'put "{file}" "{file.name}"', f'mv "{file.name}" "{file.name}.ready"', "ls")

    def put(self, file: Path, target: str) -> None:
        """Put under the final name."""
        self._batch(f'put "{file}" "{target}"')

    def fetch(self, name: str, target: Path) -> None:
        """Get in a session of its own."""
        self._batch(f'get "{name}" "{target}"')


class Curl(Client):
    """Curl: one call uploads, a second renames with a quote command and lists."""

    def _run(self, *arguments: str) -> str:
        login = self.login
        options = ("--silent", "--show-error", "--insecure", "--user", f"{login.account}:{login.password}")
        return self.run("curl", *options, *arguments)

    def _url(self, name: str = "") -> str:
        return f"sftp://127.0.0.1:{self.login.port}/{quote(name)}"

    def send(self, file: Path) -> str:
        """Upload with ``-T``; rename with ``-Q`` in front of a listing."""
        self._run("--upload-file", str(file), self._url(file.name))
        return self._run("--list-only", "--quote", f'rename "{file.name}" "{file.name}.ready"', self._url())

    def put(self, file: Path, target: str) -> None:
        """Upload with ``-T``."""
        self._run("--upload-file", str(file), self._url(target))

    def add(self, file: Path, target: str) -> None:
        """Upload behind what is there, with ``-a``."""
        self._run("--append", "--upload-file", str(file), self._url(target))

    def fetch(self, name: str, target: Path) -> None:
        """Download."""
        self._run("--output", str(target), self._url(name))


class Rclone(Client):
    """Rclone with a key: copyto, moveto, lsf, each a call of its own."""

    def _run(self, *arguments: str) -> str:
        login = self.login
        remote = f":sftp,host=127.0.0.1,port={login.port},user={login.account},key_file={login.key}:"
        return self.run("rclone", *(argument.replace("remote:", remote) for argument in arguments))

    def send(self, file: Path) -> str:
        """Copy to, move to, list."""
        self._run("copyto", str(file), f"remote:{file.name}")
        self._run("moveto", f"remote:{file.name}", f"remote:{file.name}.ready")
        return self._run("lsf", "remote:")

    def put(self, file: Path, target: str) -> None:
        """Copy to, which compares sizes at the end and sets the time."""
        self._run("copyto", str(file), f"remote:{target}")

    def fetch(self, name: str, target: Path) -> None:
        """Copy to a local file."""
        self._run("copyto", f"remote:{name}", str(target))


class Folder(Client):
    """``cp``, ``mv`` and ``ls`` in a folder in which an account's files are.

    Args:
        login: of the account.
        folder: where it is mounted.
    """

    def __init__(self, login: Login, folder: Path) -> None:
        super().__init__(login)
        self.folder = folder

    def send(self, file: Path) -> str:
        """Copy, move, list."""
        name = str(self.folder / file.name)
        self.run("cp", str(file), name)
        self.run("mv", name, f"{name}.ready")
        return self.run("ls", "-1", str(self.folder))

    def put(self, file: Path, target: str) -> None:
        """Copy with times and mode."""
        self.run("cp", "-p", str(file), str(self.folder / target))

    def fetch(self, name: str, target: Path) -> None:
        """Copy."""
        self.run("cp", str(self.folder / name), str(target))


@contextmanager
def sshfs(login: Login, mountpoint: Path) -> Iterator[Folder]:
    """The account's files mounted over SFTP on an empty folder, by sshfs."""
    client = Folder(login, mountpoint)
    options = (*_SSH_OPTIONS, "-o", f"IdentityFile={login.key}", "-p", str(login.port))
    client.run("sshfs", *options, f"{client.place}:/", str(mountpoint))
    try:
        yield client
    finally:
        client.run("fusermount3", "-u", "-z", str(mountpoint))
