"""``smsfs mount``: the files of an account, or of all, as a folder of this host."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import click
import structlog

from smsfs.cli.common import config_option, end_damaged, filesystems, find_account, running
from smsfs.frontends import fuse
from smsfs.sms.quoting import escaped
from smsfs.store import Store

DAMAGE_POLL_SECONDS = 0.2

log = structlog.get_logger()


@click.command()
@click.argument("mountpoint", type=click.Path())
@click.option("--account", "name", help="Only this account's files; else one folder for each account.")
@click.option("--allow-other", is_flag=True, help="Let other users of this host in.")
@config_option
def mount(mountpoint: str, name: str | None, allow_other: bool, config_file: Path | None) -> None:
    """Show files as a folder of this host.

    MOUNTPOINT is an empty folder. The mount ends with SIGTERM, SIGINT or fusermount3 -u. It runs in the
    foreground, beside "smsfs serve" on the same store, which sends what is submitted here.
    """
    with running(config_file) as (_, store):
        made = filesystems(store, store.register("mount"))
        filesystem = made.of(find_account(store, name)) if name else made.all()
        alone = not {"front", "dispatch"}.intersection(store.alive().values())
        on_ready = partial(_tell_ready, mountpoint, alone=alone)
        threading.Thread(target=_end_when_damaged, args=[store], daemon=True).start()
        fuse.mount(filesystem, mountpoint, allow_other=allow_other, on_ready=on_ready)
        end_damaged(store)


def _end_when_damaged(store: Store) -> None:
    """Have libfuse unmount by the signal that always does."""
    while not (store.ends_when_damaged and store.damaged()):
        time.sleep(DAMAGE_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_ready(mountpoint: str, *, alone: bool) -> None:
    if alone:
        log.warning("No smsfs serve runs on this store: what is submitted waits until one does.")
    click.echo(f"ready fuse {escaped(mountpoint)}")
