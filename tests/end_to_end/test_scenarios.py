"""Every dialect through every door: one server, one mount, and the shipped scenarios."""

import contextlib
import subprocess

import fs
import pytest
from fs.errors import FSError

from smsfs.testing.ftp_clients import make_certificate
from smsfs.testing.scenarios import SYSTEMS, Door, FtpDoor, FuseDoor, ScenarioSuite, SftpDoor, User
from smsfs.testing.server import Installation, Mount, Server, wait_for

NETWORK = ("sftp", "ftp", "ftps")
DOORS = (*NETWORK, "fuse", "pyfilesystem")


@pytest.fixture(scope="module")
def certificate(base):
    """The server's certificate and key."""
    (base / "scenarios-tls").mkdir()
    return make_certificate(base / "scenarios-tls")


@pytest.fixture(scope="module")
def everything(base, kit, certificate):
    """A server with every listener, and an account of each dialect, named after it."""
    (base / "scenarios").mkdir()
    ftp = {"listen": ["127.0.0.1:0"], "plain": True, "passive_ports": "", "max_connections_per_address": 100}
    ftp |= {"certificate": str(certificate[0]), "key": str(certificate[1])}
    with Server(Installation(base / "scenarios", {**kit.sections, "ftp": ftp})) as server:
        for system in SYSTEMS:
            options = [word for option in (*system.options, "results=true") for word in ("--set", option)]
            server.installation.add_account(system.dialect, kit.password, *options, dialect=system.dialect)
        yield server
    assert server.process.returncode == 0
    assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def all_accounts(everything, base):
    """The mount of an admin, with a folder for each account."""
    with Mount(everything.installation, base / "scenarios-mount") as mount:
        yield mount
    assert mount.process.returncode == 0
    assert "Traceback" not in mount.log


class PyFilesystemDoor(Door):
    """The plugin, in the test's own process."""

    errors = (FSError,)

    def __init__(self, account, configuration):
        self._files = fs.open_fs(f"smsfs://{account}?config={configuration}")

    def close(self):
        """Let go of the store."""
        self._files.close()

    def put(self, path, data):
        """Write the whole file."""
        self._files.writebytes(path, data)

    def get(self, path):
        """Read the whole file."""
        return self._files.readbytes(path)

    def list(self, folder):
        """List."""
        return self._files.listdir(folder)

    def size(self, path):
        """The size among the details."""
        return self._files.getsize(path)

    def rename(self, old, new):
        """Move, replacing nothing."""
        self._files.move(old, new)

    def remove(self, path):
        """Remove."""
        self._files.remove(path)

    def make_folder(self, path):
        """Make a folder."""
        self._files.makedir(path)

    def cut_upload(self, path, data):
        """A program that is interrupted while it writes."""
        with contextlib.suppress(KeyboardInterrupt), self._files.openbin(path, "w") as file:
            file.write(data)
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def doors(everything, all_accounts, certificate, kit):
    """Makes the door of a kind to an account, once."""
    with contextlib.ExitStack() as stack:
        made = {}

        def door(kind, account):
            if kind == "fuse":
                return FuseDoor(all_accounts, all_accounts.mountpoint / account)
            if (kind, account) not in made:
                made[kind, account] = stack.enter_context(contextlib.closing(connected(kind, account)))
            return made[kind, account]

        def connected(kind, account):
            if kind == "pyfilesystem":
                return PyFilesystemDoor(account, everything.installation.configuration)
            if kind == "sftp":
                return SftpDoor(everything.port, account, kit.password)
            trusted = certificate[0] if kind == "ftps" else None
            return FtpDoor(everything.ftp_port, account, kit.password, trusted)

        yield door


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.dialect)
def system(request):
    """Each dialect."""
    return request.param


@pytest.fixture
def user_at(system, doors, everything):
    """Makes a user at a door."""
    outbox, held = everything.installation.sent, everything.paused
    return lambda door: User(
        doors(door, system.dialect), system, lambda: outbox(system.dialect), lambda: held("intake")
    )


class TestScenarios(ScenarioSuite):
    @pytest.fixture(params=DOORS)
    def user(self, request, user_at):
        """Through each door."""
        return user_at(request.param)


@pytest.mark.parametrize("door", NETWORK)
def test_a_client_killed_in_the_middle_of_an_upload(door, user_at, everything, certificate, kit, tmp_path):
    """Half a file would be sent when a laptop is switched off: the kernel ends plain connections well."""
    user = user_at(door)
    file = tmp_path / "whole"
    file.write_bytes(user.system.document(user.rows * 10_000))
    port = everything.port if door == "sftp" else everything.ftp_port
    url = f"{door.removesuffix('s')}://127.0.0.1:{port}/{user.uploads}"
    tls = {"sftp": ["--insecure"], "ftp": [], "ftps": ["--ssl-reqd", "--cacert", str(certificate[0])]}
    login = ["--user", f"{user.system.dialect}:{kit.password}"]
    command = [
        "curl",
        "--silent",
        "--limit-rate",
        "500k",
        "--upload-file",
        str(file),
        *login,
        *tls[door],
        url,
    ]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda: user.names() and user.door.size(user.uploads), "the first bytes")
        finally:
            process.kill()
    assert user.door.size(user.uploads) < file.stat().st_size
    user.assert_not_sent_until_uploaded_again()
