"""Every dialect through every door: one server, one mount, and the shipped scenarios."""

import contextlib
import ftplib
import io
import os
import posixpath
import subprocess
from pathlib import Path

import fs
import pytest
from fs.errors import FSError

from tests.support.ftp_clients import FtpCurl, FtpLftp, FtpLogin, FtpRclone
from tests.support.scenarios import SYSTEMS, Door, FtpDoor, FuseDoor, ScenarioSuite, SftpDoor, User
from tests.support.server import Installation, Mount, Server, wait_for

NETWORK = ("sftp", "ftp", "ftps")
DOORS = (*NETWORK, "fuse", "pyfilesystem")


@pytest.fixture(scope="module")
def everything(base, kit, certificate):
    """A server with every listener, and an account of each dialect, named after it."""
    (base / "scenarios").mkdir()
    ftp = kit.ftp_section(certificate, "127.0.0.1:0")
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
def user_at(doors, everything):
    """Makes a user at a door."""
    outbox, held = everything.installation.sent, everything.paused
    return lambda door, system: User(
        doors(door, system.dialect), system, lambda: outbox(system.dialect), lambda: held("intake")
    )


class TestScenarios(ScenarioSuite):
    @pytest.fixture(params=DOORS)
    def user(self, request, user_at, system):
        """Through each door."""
        return user_at(request.param, system)


@pytest.mark.parametrize("door", NETWORK)
def test_a_client_killed_in_the_middle_of_an_upload(
    door, system, user_at, everything, certificate, kit, tmp_path
):
    """Half a file would be sent when a laptop is switched off: the kernel ends plain connections well."""
    user = user_at(door, system)
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


#: Programs in a folder in which a complete file is sent; {file} is elsewhere, {sends} and {waits} are names.
PROGRAMS = {
    "cp": "cp {file} {sends}",
    "cp -p": "cp -p {file} {sends}",
    "install": "install -m 600 {file} {sends}",
    "mv": "mv {file} {sends}",
    "rsync": "rsync -a {file} {sends}",
    "rsync in place": "rsync -a --inplace {file} {sends}",
    "tar": "cp -p {file} {home}/{sends}; tar -C {home} -cf - {sends} | tar -xf -",
    "tee": "tee {sends} < {file}",
    "dd": "dd if={file} of={sends} bs=7 conv=fsync status=none",
    "touch": "touch {sends}; cat {file} > {sends}",
    "two redirections": "head -n 1 {file} > {waits}; tail -n +2 {file} >> {waits}; mv {waits} {sends}",
    "sed": "cp {file} {waits}; sed -i s/{stem}/{stem}/ {waits}; mv {waits} {sends}",
    "vim": "{vim} -c 'w {sends}' -c q {file}",
    "vim with a backup": "cp {file} {waits}; {vim} -c 'set bk' -c s/$// -c wq {waits}; rm {waits}~;"
    "mv {waits} {sends}",
    "vim of an empty file": "touch {sends}; {vim} -c '0r {file}' -c wq {sends}",
}
#: Without a configuration; vim makes no backups below /tmp unless told to.
VIM = "vim -es -u NONE -c 'set writebackup backupskip='"


@pytest.fixture(params=[system for system in SYSTEMS if not system.straight], ids=lambda each: each.dialect)
def closer(request, user_at):
    """A user of a mount, of each dialect that sends what is closed."""
    return user_at("fuse", request.param)


def in_folder(user):
    """The folder and the name that send, and the one that waits."""
    sends, waits = Path(user.sends), Path(user.waiting)
    return user.door.folder / sends.parent, sends.name, waits.name


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_on_a_mount_send_once_and_whole(program, closer, tmp_path):
    """Half a file would be sent, or twice, or the program would report a failure though it was sent."""
    (tmp_path / "given").write_bytes(closer.document)
    folder, sends, waits = in_folder(closer)
    names = {"file": tmp_path / "given", "home": tmp_path, "sends": sends, "waits": waits, "vim": VIM}
    command = PROGRAMS[program].format(**names, stem=closer.stem)
    done = subprocess.run(["sh", "-ec", command], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert closer.door.size(closer.sends)
    closer.wait_for_end()
    closer.assert_sent(closer.rows)
    assert [name for name in os.listdir(folder) if closer.stem in name] == []  # noqa: PTH208 - names, not paths


def test_nano_on_a_mount_sends_once_and_whole(closer, kit):
    """What nano writes would be sent in part, twice or not at all."""
    folder, sends, _ = in_folder(closer)
    kit.nano(folder / sends, closer.document.decode().strip(), shown=sends)
    closer.wait_for_end()
    closer.assert_sent(closer.rows)


@pytest.fixture(params=["ftp", "ftps"])
def ftp_login(request, everything, certificate, kit, tmp_path):
    """How a client logs in to an account over FTP and FTPS."""
    trusted = certificate[0] if request.param == "ftps" else None
    return lambda account: FtpLogin(everything.ftp_port, account, kit.password, tmp_path, trusted)


def test_an_upload_that_has_left_is_in_the_next_list_of_its_connection(everything, closer, kit):
    """rclone, which looks for its file in a list, would report a failure and send again."""
    folder, name = posixpath.split(closer.sends)
    with ftplib.FTP(timeout=20) as ftp:  # noqa: S321 - what is tested here
        ftp.connect("127.0.0.1", everything.ftp_port)
        ftp.login(closer.system.dialect, kit.password)
        ftp.cwd(f"/{folder}")
        ftp.storbinary(f"STOR {name}", io.BytesIO(closer.document))
        closer.wait_for_end()
        shown = dict(ftp.mlsd())
        assert int(shown[name]["size"]) == len(closer.document)
        assert name not in ftp.nlst()


@pytest.mark.parametrize("held", [True, False], ids=["still there", "gone at once"])
@pytest.mark.parametrize("client_type", [FtpLftp, FtpCurl, FtpRclone])
def test_clients_report_no_failure(client_type, ftp_login, held, closer, tmp_path):
    """A client would report a failure, as the file that it has sent is elsewhere, and people send again."""
    (tmp_path / "given").write_bytes(closer.document)
    with closer.held() if held else contextlib.nullcontext():
        client_type(ftp_login(closer.system.dialect)).put(tmp_path / "given", closer.sends)
    closer.wait_for_end()
    closer.assert_sent(closer.rows)
