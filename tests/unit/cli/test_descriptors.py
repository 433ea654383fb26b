"""What is done with the open files that the system allows."""

import resource

import attrs
import pytest

from smsfs.cli.descriptors import FTP_EACH, RESERVED, WEB, plan, raise_limit, wanted
from smsfs.config import Config, FtpConfig, StoreConfig

CONFIG = Config(StoreConfig("sqlite:///srv/smsfs.db"), ftp=FtpConfig(plain=True))


def test_all_is_as_configured_where_the_system_allows_it():
    """Clients would be refused though there is room."""
    made = plan(CONFIG, wanted(CONFIG))
    assert (made.files, made.sftp, made.ftp) == (4096, 500, 200)


@pytest.mark.parametrize("allowed", [64, 256, 1024, 2048, 4096, 5000])
def test_less_is_shared_and_never_more_than_there_is(allowed):
    """Clients together would use up what accepting, the store and the log need."""
    made = plan(CONFIG, allowed)
    taken = made.files + made.sftp + FTP_EACH * made.ftp
    assert min(made.files, made.sftp, made.ftp) >= 1
    assert taken <= max(7, allowed - RESERVED - WEB)
    assert made.allowed < made.wanted


def test_a_server_without_ftp_keeps_nothing_for_it():
    """A host that has no FTP would have fewer files and connections than it could."""
    alone = attrs.evolve(CONFIG, ftp=None)
    assert wanted(alone) == wanted(CONFIG) - FTP_EACH * CONFIG.ftp.max_connections
    assert plan(alone, wanted(alone)).files == CONFIG.limits.open_files


def test_the_limit_is_raised_as_far_as_needed():
    """A server started from a shell with 1,024 would refuse clients that it has room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        assert raise_limit(low + 10) == low + 10
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (low + 10, hard)
        assert raise_limit(low) == low + 10
        if hard != resource.RLIM_INFINITY:
            assert raise_limit(hard + 1) == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
