"""Send a file over SFTP: ``python send_with_paramiko.py HOST PORT ACCOUNT KEY FILE``.

KEY is a private key file of OpenSSH; ``smsfs account add --key`` takes its public half. The server's host key
has to be in ``~/.ssh/known_hosts``. It prints the file's last name; if that ends in ``.rejected``, also the
causes, and the exit status is 1.
"""

import sys
import time
from pathlib import Path

import paramiko


def send(sftp: paramiko.SFTPClient, file: Path) -> str:
    """Upload a file, submit it, and wait until it has been read; its last name."""
    before = set(sftp.listdir())
    sftp.put(str(file), file.name)
    sftp.posix_rename(file.name, f"{file.name}.ready")
    while True:
        for name in set(sftp.listdir()) - before:
            if name.endswith((".success", ".rejected")) and name.startswith(f"{file.name}."):
                return str(name)
        time.sleep(0.5)


def causes(sftp: paramiko.SFTPClient, name: str) -> str:
    """Why a file was rejected: the last lines of it."""
    with sftp.open(name) as rejected:
        lines = rejected.read().decode("utf-8", "replace").splitlines()
    return "\n".join(line for line in lines if line.startswith("#smsfs"))


if __name__ == "__main__":
    host, port, account, key, path = sys.argv[1:]
    with paramiko.SSHClient() as ssh:
        ssh.load_system_host_keys()
        ssh.connect(
            host, int(port), account, key_filename=key, look_for_keys=False, allow_agent=False, timeout=30
        )
        opened = ssh.open_sftp()
        name = send(opened, Path(path))
        sys.stdout.write(f"{name}\n")
        if name.endswith(".rejected"):
            sys.stdout.write(f"{causes(opened, name)}\n")
            sys.exit(1)
