"""Every dialect over SFTP, FTP, FTPS and FUSE: one server, one mount, and the shipped scenarios."""

import contextlib

import pytest

from smsfs.testing.ftp_clients import make_certificate
from smsfs.testing.scenarios import SYSTEMS, FtpDoor, FuseDoor, ScenarioSuite, SftpDoor, User
from smsfs.testing.server import Installation, Mount, Server

DOORS = ("sftp", "ftp", "ftps", "fuse")


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
            if kind == "sftp":
                return SftpDoor(everything.port, account, kit.password)
            trusted = certificate[0] if kind == "ftps" else None
            return FtpDoor(everything.ftp_port, account, kit.password, trusted)

        yield door


class TestScenarios(ScenarioSuite):
    @pytest.fixture(params=SYSTEMS, ids=lambda system: system.dialect)
    def system(self, request):
        """Each dialect."""
        return request.param

    @pytest.fixture(params=DOORS)
    def user(self, request, system, doors, everything):
        """Through each door."""
        return User(
            doors(request.param, system.dialect),
            system,
            outbox=lambda: everything.installation.sent(system.dialect),
            held=lambda: everything.paused("intake"),
        )
