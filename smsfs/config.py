"""Configuration: TOML to records, where it is found, and what holds without any.

An unknown key is an error that names it. Without a file everything lives under one data folder: SQLite,
SFTP on 127.0.0.1:8022, the backend ``outbox``.
"""

import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from smsfs.backends import routing
from smsfs.backends.options import BackendConfig
from smsfs.backends.outbox_options import OutboxConfig
from smsfs.errors import ConfigurationError, StoreDamaged
from smsfs.sections import (
    FtpConfig,
    LimitsConfig,
    LogConfig,
    MailConfig,
    PipelineConfig,
    SftpConfig,
    WebConfig,
)
from smsfs.store import Store
from smsfs.store.sqlite import SqliteStore

WORKERS = ("intake", "dispatch", "reports")
LEAST_CONNECTIONS = 1 + len(WORKERS)
COMMAND_CONNECTIONS = 2
LEAST_LEASE, LONGEST_LEASE = 1, 3600
SYSTEM_FILE = Path("/etc/smsfs/smsfs.toml")


@define
class StoreConfig:
    """``url``: ``sqlite:///`` and the absolute path of a file, or ``postgresql://user@host/database``.

    ``lease`` and ``margin`` (seconds; PostgreSQL only): how long after its last sign of life a process
    counts as alive, and how long before that end it stops by itself. ``connections`` (PostgreSQL only) is how
    many ``smsfs serve`` with its workers takes when it is busy; a command or a mount takes one or two.
    """

    url: str
    lease: float = 10
    margin: float = 2
    connections: int = 12

    def __attrs_post_init__(self) -> None:
        """Refuse what leaves a process without a connection, and leases that no host can keep.

        Raises:
            ValueError: a clause that names the key.
        """
        if self.connections < LEAST_CONNECTIONS:
            raise ValueError(
                f"connections is {self.connections}, and has to be {LEAST_CONNECTIONS} at least: "
                "one for each process"
            )
        if not LEAST_LEASE <= self.lease <= LONGEST_LEASE:
            raise ValueError(f"lease is {self.lease:g}, and has to be from {LEAST_LEASE} to {LONGEST_LEASE}")

    def share(self, process: str) -> int:
        """How many of the connections a process may take; of commands, which have no name here, two."""
        if process not in ("front", *WORKERS):
            return COMMAND_CONNECTIONS
        spare = self.connections - LEAST_CONNECTIONS
        shares = {"front": 1} | dict.fromkeys(WORKERS, 1)
        for name in ("dispatch", "front", "intake", "reports", "dispatch"):
            shares[name] += spare > 0
            spare = max(0, spare - 1)
        return shares[process] + (spare if process == "front" else 0)

    @property
    def shown(self) -> str:
        """The URL without its passwords, for people and the log."""
        without = re.sub(r"(://[^:/@?]*):[^?]*@", r"\1:***@", self.url)
        return re.sub(r"((?:^|[?&\s])(?:ssl)?password=)[^&\s]*", r"\1***", without)


@define
class Config:
    """All of it."""

    store: StoreConfig
    sftp: SftpConfig = field(factory=SftpConfig)
    ftp: FtpConfig | None = None
    web: WebConfig | None = None
    mail: MailConfig | None = None
    pipeline: PipelineConfig = field(factory=PipelineConfig)
    backends: dict[str, BackendConfig] = field(factory=lambda: {"outbox": OutboxConfig("outbox")})
    log: LogConfig = field(factory=LogConfig)
    limits: LimitsConfig = field(factory=LimitsConfig)

    @property
    def database(self) -> Path | None:
        """The SQLite file; None on PostgreSQL.

        Raises:
            ConfigurationError: the URL is of no engine there is.
        """
        engine, _, path = self.store.url.partition("://")
        if engine in ("postgresql", "postgres"):
            return None
        if engine != "sqlite" or not path.startswith("/") or not path.strip("/"):
            raise ConfigurationError(
                f"[store] url: {self.store.shown!r} is not of the form sqlite:///var/lib/smsfs/smsfs.db "
                "or postgresql://user@host/database."
            )
        return Path("/" + path.lstrip("/"))

    @property
    def data(self) -> Path:
        """The folder that relative paths are in: the database file's, or this host's own."""
        return self.database.parent if self.database else _data_folder(os.environ)


def find(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file that counts; None for the embedded default.

    Raises:
        ConfigurationError: the one that was asked for is not there.
    """
    asked = given or (Path(environment["SMSFS_CONFIG"]) if environment.get("SMSFS_CONFIG") else None)
    if asked and not asked.is_file():
        raise ConfigurationError(f"There is no configuration file {asked}.")
    return asked or next((path for path in (Path("smsfs.toml"), SYSTEM_FILE) if path.is_file()), None)


def load(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in force.

    Raises:
        ConfigurationError: a file that is not there, no TOML, an unknown key, a wrong value.
    """
    path = find(given, environment)
    if path is None:
        return embedded(environment)
    import tomllib  # noqa: PLC0415 -- without a file there is nothing to read

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc.strerror}.") from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigurationError(f"{path} is not TOML: {exc}.") from exc
    values.setdefault("store", {"url": _embedded_url(environment)})
    return checked(values, str(path))


def embedded(environment: Mapping[str, str] = os.environ) -> Config:
    """What holds without a configuration file."""
    return Config(StoreConfig(_embedded_url(environment)))


def open_store(config: Config, process: str = "", *, make: bool = True) -> Store:
    """The store that the configuration names.

    Args:
        config: names it.
        process: which process of ``smsfs serve`` opens it; nothing for any other.
        make: make the store, or upgrade its schema, if need be.

    Raises:
        ConfigurationError: it cannot be opened here, or there is no store.
        StoreDamaged: it cannot be read.
    """
    if config.database is None:
        return _open_postgresql(config.store, process, make=make)
    try:
        return SqliteStore(config.database, make=make)
    except StoreDamaged:
        raise
    except (OSError, sqlite3.Error) as exc:
        reason = getattr(exc, "strerror", None) or exc
        advice = _advice(config.database)
        raise ConfigurationError(f"The store {config.database} cannot be opened: {reason}.{advice}") from exc


def migrate_store(config: Config, grant: str | None) -> None:
    """Make the store, or bring its tables up to date.

    Args:
        config: names the store.
        grant: a role of PostgreSQL that may read and write all rows from then on.

    Raises:
        ConfigurationError: it cannot be opened here, or there is no such role.
    """
    if config.database is None:
        from smsfs.store.postgresql.database import migrate  # noqa: PLC0415 -- as below

        migrate(config.store.url, grant)
        return
    if grant:
        raise ConfigurationError("--grant is for PostgreSQL: SQLite has no roles.")
    open_store(config).close()


def _advice(path: Path) -> str:
    """What may help where a file or the folder that it belongs into is another user's, or a disk is full."""
    there = next(place for place in (path, *path.parents) if os.access(place, os.F_OK))
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return f" The filesystem of {there} is mounted read-only: mount it for writing."
    if os.statvfs(there).f_bavail == 0:
        return " The disk is full."
    if os.access(there, os.R_OK | os.W_OK):
        return ""
    try:
        return f" {there} belongs to the user {there.owner()}: run smsfs as that user."
    except KeyError:
        return f" {there} belongs to the user with the number {there.stat().st_uid}: run smsfs as that user."


def _open_postgresql(config: StoreConfig, process: str, *, make: bool) -> Store:
    from smsfs.store.postgresql import PostgresStore  # noqa: PLC0415 -- a single host starts without the driver

    share = config.share(process)
    return PostgresStore(config.url, None, config.lease, config.margin, connections=share, make=make)


def _embedded_url(environment: Mapping[str, str]) -> str:
    return f"sqlite://{_data_folder(environment) / 'smsfs.db'}"


def _data_folder(environment: Mapping[str, str]) -> Path:
    share = environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(environment.get("SMSFS_DATA") or Path(share) / "smsfs").absolute()


def checked(values: Mapping[str, Any], source: str) -> Config:
    """Records from plain values; ``source`` names them in an error.

    Raises:
        ConfigurationError: an unknown key or a wrong value.
    """
    from smsfs.structure import structured  # noqa: PLC0415 -- without a file nothing is checked

    config = structured(values, Config, source)
    _check_route(config, source)
    hooked = [name for name, item in config.backends.items() if item.hooked]
    if hooked and config.web is None:
        raise ConfigurationError(
            f"{source}: [backends.{hooked[0]}] has a hook_token, but there is no section [web]."
        )
    told = [name for name in hooked if config.backends[name].told_address]
    if told and not (config.web and config.web.public_url):
        raise ConfigurationError(
            f"{source}: [backends.{told[0]}] has a hook_token, but [web] has no public_url, "
            "and each message tells the carrier this address."
        )
    if not 0 < config.store.margin < config.store.lease:
        raise ConfigurationError(f"{source}: [store] margin has to be more than 0 and less than lease.")
    _ = config.database
    return config


def _check_route(config: Config, source: str) -> None:
    for name in config.backends:
        if not routing.is_name(name):
            raise ConfigurationError(
                f"{source}: the name of the backend {name!r} must have no blank, comma or equals sign in it, "
                "nor | or %."
            )
    text = config.pipeline.default_backend
    try:
        named = routing.parse(text).names
    except ValueError as exc:
        raise ConfigurationError(f"{source}: [pipeline] default_backend is no route: {exc}.") from None
    for name in named:
        if name not in config.backends:
            raise ConfigurationError(
                f"{source}: [pipeline] default_backend is {text!r}, "
                f"but there is no section [backends.{name}]."
            )
