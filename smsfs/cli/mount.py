"""``smsfs mount``: the files of an account, or of all, as a folder of this host."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import structlog

from smsfs.cli.common import config_option, end_damaged, filesystems, find_account, running
from smsfs.cli.descriptors import open_files_of_a_mount
from smsfs.errors import ConfigurationError, NotAllowed, StoreUnavailable
from smsfs.filesystem import Filesystem, Filesystems, Rights, check_open
from smsfs.frontends import fuse
from smsfs.frontends.fuse.access import Access, group_id, umask_of, user_id
from smsfs.frontends.watch import WATCH_SECONDS
from smsfs.sms.quoting import escaped
from smsfs.store import Store

DAMAGE_POLL_SECONDS = 0.2

log = structlog.get_logger()


def _checked(read: Callable[[str], int]) -> Callable[[str], int]:
    """The function, with the sentence of its ValueError as that of a refusal."""

    def convert(text: str) -> int:
        try:
            return read(text)
        except ValueError as exc:
            raise click.BadParameter(f"{exc}.") from exc

    return convert


@click.command()
@click.argument("mountpoint", type=click.Path())
@click.option("--account", "name", help="Only this account's files; else one folder for each account.")
@click.option(
    "--allow-other", is_flag=True, help="Let other users of this host in, to do what owner and mode allow."
)
@click.option(
    "--uid", type=_checked(user_id), metavar="USER", help="Show files as this user's, by name or number."
)
@click.option("--gid", type=_checked(group_id), metavar="GROUP", help="Show files as this group's.")
@click.option(
    "--umask",
    type=_checked(umask_of),
    metavar="MASK",
    default="022",
    show_default=True,
    help="What group and others may not do: 007 lets the whole group write, and no others in.",
)
@click.option("--read-only", is_flag=True, help="Let nothing be changed.")
@config_option
def mount(mountpoint: str, name: str | None, config_file: Path | None, **options: Any) -> None:
    """Show files as a folder of this host.

    MOUNTPOINT is an empty folder. The mount ends with SIGTERM, SIGINT or fusermount3 -u. It runs in the
    foreground, beside "smsfs serve" on the same store, which sends what is submitted here.
    """
    access = Access(**{option: value for option, value in options.items() if value is not None})
    access.check()
    with running(config_file) as (config, store):
        made = filesystems(store, store.register("mount"), open_files_of_a_mount(config))
        filesystem, ended = _opened(store, made, name)
        alone = not {"front", "dispatch"}.intersection(store.alive().values())
        on_ready = partial(_tell_ready, mountpoint, alone=alone)
        threading.Thread(target=_end_when_damaged, args=[store], daemon=True).start()
        fuse.mount(filesystem, mountpoint, access=access, on_ready=on_ready)
        end_damaged(store)
        if ended:
            raise ConfigurationError(f"The mount {mountpoint} has ended: {ended[0]}")


def _end_when_damaged(store: Store) -> None:
    """Have libfuse unmount by the signal that always does."""
    while not (store.ends_when_damaged and store.damaged()):
        time.sleep(DAMAGE_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _opened(store: Store, made: Filesystems, name: str | None) -> tuple[Filesystem, list[str]]:
    """The files of an account, or of all, and a list to which is added why they may not be used any more."""
    ended: list[str] = []
    if not name:
        return made.all(), ended
    filesystem = made.of(check_open(store, find_account(store, name)))
    threading.Thread(target=_end_when_shut_out, args=[filesystem.rights, ended], daemon=True).start()
    return filesystem, ended


def _end_when_shut_out(rights: Rights, ended: list[str]) -> None:
    """Have libfuse unmount by a signal, as when a person ends the mount: what is open counts as cut off."""
    while not ended:
        time.sleep(WATCH_SECONDS)
        with suppress(StoreUnavailable):
            try:
                rights.account()
            except NotAllowed as refusal:
                ended.append(refusal.sentence)
    log.warning("shut_out", reason=ended[0])
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_ready(mountpoint: str, *, alone: bool) -> None:
    if alone:
        log.warning("No smsfs serve runs on this store: what is submitted waits until one does.")
    click.echo(f"ready fuse {escaped(mountpoint)}")
