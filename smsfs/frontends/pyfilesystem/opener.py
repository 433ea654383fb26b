"""From a URL to a filesystem."""
# ruff: noqa: FBT001 - the booleans among the arguments are PyFilesystem2's

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from fs import errors
from fs.base import FS
from fs.opener import Opener
from fs.subfs import ClosingSubFS

from smsfs import config
from smsfs.dialects.registry import dialect
from smsfs.errors import ConfigurationError, Missing
from smsfs.filesystem import Filesystem, Filesystems, check_open
from smsfs.frontends.console import for_people
from smsfs.frontends.pyfilesystem.filesystem import SmsfsFS
from smsfs.frontends.pyfilesystem.translate import sentence
from smsfs.store import Store

if TYPE_CHECKING:
    from fs.opener.parse import ParseResult
    from structlog.typing import EventDict


class SmsfsOpener(Opener):
    """Opens ``smsfs://`` URLs; found through the entry point group ``fs.opener``."""

    protocols: list[str] = ["smsfs"]  # noqa: RUF012 - an instance variable in the base class

    def open_fs(
        self, fs_url: str, parse_result: "ParseResult", writeable: bool, create: bool, cwd: str
    ) -> FS:
        """Open the store that the configuration names, and in it the account of the URL.

        Raises:
            CreateFailed: the URL, the configuration or the account is wrong; the text is one sentence.
        """
        del fs_url, writeable, create  # accounts are made by smsfs account add
        _log_quietly()
        try:
            _check_url(parse_result)
            given = parse_result.params.get("config")
            store = config.open_store(config.load(Path(cwd, given) if given else None), make=False)
            return _opened(store, parse_result.resource)
        except (ConfigurationError, OSError, errors.FSError) as exc:
            raise errors.CreateFailed(sentence(exc), exc) from exc


def _log_quietly() -> None:
    """Without a configuration of its own, structlog writes every event to the program's standard output."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[_drop_small_talk, *structlog.get_config()["processors"][:-1], *for_people()],
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        )


def _drop_small_talk(_logger: object, method: str, event: "EventDict") -> "EventDict":
    if method in ("debug", "info"):
        raise structlog.DropEvent
    return event


def _check_url(parsed: "ParseResult") -> None:
    if parsed.username is not None:
        raise ConfigurationError(
            "A smsfs URL holds no user and password; it is of the kind smsfs://ACCOUNT/FOLDER?config=FILE."
        )
    for unknown in sorted(set(parsed.params) - {"config"}):
        raise ConfigurationError(f'A smsfs URL has no parameter "{unknown}"; there is config=FILE.')


def _opened(store: Store, resource: str) -> FS:
    """The filesystem of a URL's account and folder; it closes the store."""
    try:
        name, _, folder = resource.partition("/")
        opened = SmsfsFS(_filesystem(store, name), f"smsfs://{name}", store.close)
        return opened.opendir(folder, factory=ClosingSubFS) if folder.strip("/") else opened
    except BaseException:
        store.close()
        raise


def _filesystem(store: Store, name: str) -> Filesystem:
    filesystems = Filesystems(store, store.register("pyfilesystem"), dialect)
    if not name:
        return filesystems.all()
    account = store.accounts.find(name)
    if account is None:
        raise Missing(f"There is no account {name}; smsfs account add makes one.")
    return filesystems.of(check_open(store, account))
