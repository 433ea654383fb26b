"""The open files that the system allows a process, and what is done with them."""

import resource

import structlog
from attrs import frozen

from smsfs.config import Config
from smsfs.frontends.doorway import SharedLimits
from smsfs.sections import LimitsConfig

#: Kept for accepting, the store, the log, the workers' pipes and libraries.
RESERVED = 160
#: What one connection takes: of SFTP its socket; of FTP two for control, its loop, a data connection and
#: the socket that awaits it. Files count by themselves.
SFTP_EACH, FTP_EACH = 1, 5
WEB = 64
#: Of a system that allows too few, files get at least this part of what is not reserved.
FILES_PART = 3

log = structlog.get_logger()


@frozen
class Plan:
    """How many descriptors there are, and for what.

    Attributes:
        allowed: by the system.
        wanted: for all that the configuration allows at a time.
        files: of clients, open at a time, of all accounts.
        sftp: connections.
        ftp: connections.
    """

    allowed: int
    wanted: int
    files: int
    sftp: int
    ftp: int


def wanted(config: Config) -> int:
    """Descriptors for all that a configuration allows at a time."""
    return RESERVED + WEB + _connections(config) + config.limits.open_files


def _connections(config: Config) -> int:
    return SFTP_EACH * config.sftp.max_connections + FTP_EACH * (
        config.ftp.max_connections if config.ftp else 0
    )


def plan(config: Config, allowed: int) -> Plan:
    """What each gets; where the system allows too few, files and connections get less in proportion."""
    room, connections = max(3, allowed - RESERVED - WEB), _connections(config)
    files = min(config.limits.open_files, max(room // FILES_PART, room - connections))
    part = min(1.0, (room - files) / connections)
    ftp = config.ftp.max_connections if config.ftp else 0
    each = (max(1, int(part * most)) for most in (config.sftp.max_connections, ftp))
    return Plan(allowed, wanted(config), files, *each)


def raise_limit(most: int) -> int:
    """Have the system allow so many open files, as far as it does without root; how many it allows then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    aim = most if hard == unlimited else min(most, hard)
    if soft not in (unlimited, aim) and soft < aim:
        resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
        soft = aim
    return most if soft == unlimited else soft


def shared(limits: LimitsConfig) -> SharedLimits:
    """What each listener gets from the section ``[limits]``."""
    return SharedLimits(
        limits.connections_per_account,
        limits.sessions_per_account,
        limits.waiting,
        limits.waiting_per_network,
    )


def planned(config: Config) -> Plan:
    """Raise the limit as far as the configuration wants it, and log if that is not far enough."""
    made = plan(config, raise_limit(wanted(config)))
    if made.allowed < made.wanted:
        log.warning(
            "descriptors_short",
            allowed=made.allowed,
            wanted=made.wanted,
            open_files=made.files,
            sftp_connections=made.sftp,
            ftp_connections=made.ftp if config.ftp else None,
            advice=f"allow {made.wanted} open files (LimitNOFILE= in the unit, ulimit -n) or set lower ones",
        )
    return made


def open_files_of_a_mount(config: Config) -> int:
    """How many files of clients may be open in a process that only mounts."""
    most = config.limits.open_files
    return max(1, min(most, raise_limit(RESERVED + most) - RESERVED))
