"""Send a file with the PyFilesystem2 plugin: ``python send_with_pyfilesystem.py smsfs://ACCOUNT FILE``.

It prints the file's last name. The exit status is 1 if that ends in ``.rejected``.
"""

import sys
import time
from pathlib import Path

import fs
from fs.base import FS


def send(account: FS, file: Path) -> str:
    """Upload a file, submit it, and wait until it has been read; its last name."""
    before = set(account.listdir("/"))
    account.writetext(file.name, file.read_text(encoding="utf-8"))
    account.move(file.name, f"{file.name}.ready")
    while True:
        for name in set(account.listdir("/")) - before:
            if name.endswith((".success", ".rejected")) and name.startswith(f"{file.name}."):
                return name
        time.sleep(0.5)


if __name__ == "__main__":
    url, path = sys.argv[1:]
    with fs.open_fs(url) as opened:
        name = send(opened, Path(path))
    sys.stdout.write(f"{name}\n")
    sys.exit(name.endswith(".rejected"))
