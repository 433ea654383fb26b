"""From refusals to the errors of PyFilesystem2."""

import errno
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from fs import errors

from smsfs.errors import Refusal

P = ParamSpec("P")
T = TypeVar("T")

_KINDS: dict[int, Any] = {
    errno.ENOENT: errors.ResourceNotFound,
    errno.EEXIST: errors.FileExists,
    errno.EACCES: errors.PermissionDenied,
    errno.EPERM: errors.PermissionDenied,
    errno.EROFS: errors.PermissionDenied,
    errno.EISDIR: errors.FileExpected,
    errno.ENOTDIR: errors.DirectoryExpected,
    errno.EBUSY: errors.ResourceLocked,
    errno.EINVAL: errors.ResourceInvalid,
    errno.ENOSPC: errors.InsufficientStorage,
    errno.EDQUOT: errors.InsufficientStorage,
    errno.EFBIG: errors.InsufficientStorage,
    errno.EAGAIN: errors.RemoteConnectionError,
    errno.EOPNOTSUPP: errors.Unsupported,
}


def sentence(exc: Exception) -> str:
    """What an error says, as a template in which PyFilesystem2 finds nothing to fill in."""
    text = str(exc) if isinstance(exc, Refusal) else getattr(exc, "strerror", None) or str(exc)
    return str(text).replace("{", "{{").replace("}", "}}")


def fs_error(path: str, exc: OSError) -> errors.FSError:
    """PyFilesystem2's own error for an errno, with the same sentence."""
    kind = _KINDS.get(exc.errno or 0, errors.OperationFailed)
    error: errors.FSError = kind(path=path, exc=exc, msg=sentence(exc))
    return error


def ask(path: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the filesystem; what it refuses about ``path`` is raised as one of ``fs.errors``."""
    try:
        return call(*args, **kwargs)
    except OSError as exc:
        raise fs_error(path, exc) from exc
