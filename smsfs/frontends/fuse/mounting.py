"""Mounts a filesystem, serves it, and leaves nothing behind."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from smsfs.errors import ConfigurationError
from smsfs.frontends.fuse.access import Access
from smsfs.frontends.fuse.binding import fuse_type, import_binding, options
from smsfs.frontends.fuse.mountpoint import check_mountpoint
from smsfs.frontends.fuse.operations import FusepyOperations, Operations
from smsfs.frontends.fuse.process import signals_left_to_libfuse, working_folder

if TYPE_CHECKING:
    from smsfs.filesystem import Filesystem

#: What ``fuse_main`` of libfuse 3 returns when its loop was ended by a signal.
ENDED_BY_SIGNAL = 8


def mount(
    filesystem: "Filesystem",
    mountpoint: str,
    *,
    on_ready: Callable[[], None],
    allow_other: bool = False,
    access: Access | None = None,
) -> None:
    """Mount a filesystem and serve it until it is unmounted, or SIGTERM, SIGINT or SIGHUP arrives.

    To be called from the main thread, where libfuse has its signals. A file that is open when a signal comes
    counts as cut off.

    Args:
        filesystem: one account or all of them.
        mountpoint: an empty folder.
        on_ready: called once when the mount answers; must not touch it.
        allow_other: let every user of this host in, to do what the modes allow; without it not even root
            gets in.
        access: that and more, in its place; else files belong to the one who mounts.

    Raises:
        ConfigurationError: this cannot be mounted here; the sentence says why.
    """
    access = access or Access(allow_other)
    access.check()
    check_mountpoint(Path(mountpoint))
    binding = import_binding()
    operations_type = Operations if hasattr(binding, "fuse_version_major") else FusepyOperations
    with working_folder() as return_to_folder, signals_left_to_libfuse():

        def on_mounted() -> None:
            return_to_folder()
            on_ready()

        operations = operations_type(filesystem, on_mounted, lambda: binding.fuse_get_context()[2], access)
        try:
            fuse_type(binding)(operations, mountpoint, **options(binding), **access.options())
        except RuntimeError as error:
            _refuse_unless_signal(error, mountpoint)
        finally:
            operations._files.abandon()  # noqa: SLF001 - named so that no binding takes it for a callback


def _refuse_unless_signal(error: RuntimeError, mountpoint: str) -> None:
    code = error.args[0]
    if code == ENDED_BY_SIGNAL:
        return
    if not isinstance(code, int):
        raise error
    raise ConfigurationError(
        f"{shlex.quote(mountpoint)} could not be mounted (code {code} of libfuse, whose own message above "
        "says why). Unless root mounts, --allow-other needs the line user_allow_other in /etc/fuse.conf."
    ) from error
