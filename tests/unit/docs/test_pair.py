"""The page on pairs and its example, held against PostgreSQL, the code and the other examples."""

import re
from pathlib import Path

import attrs
import pytest

from smsfs.cli.hosts import COLUMNS, _process
from smsfs.config import WORKERS, StoreConfig, load
from smsfs.store import ProcessInfo
from smsfs.store.postgresql.pool import KEPT

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "pair.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "packaging" / "smsfs-pair.toml"
HOSTS = {"192.0.2.11", "192.0.2.12"}


def settings():
    """What the page puts into postgresql.conf."""
    line = r"^(?:echo \")?(\w+) = ('[^']*'|\w+)"
    return dict(re.findall(line, PAGE, re.MULTILINE))


def stated_defaults():
    """The settings that the page's table calls the default, with their values."""
    return dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \(the default\)", PAGE, re.MULTILINE))


def test_settings_are_accepted_by_postgresql(postgres):
    """PostgreSQL would not start with what an operator has copied from the page."""
    assert {"listen_addresses", "max_connections", "synchronous_standby_names"} <= settings().keys()
    for name, value in settings().items():
        postgres.execute(f"ALTER SYSTEM SET {name} = {value}")
        postgres.execute(f"ALTER SYSTEM RESET {name}")


def test_stated_defaults_are_postgresqls(postgres):
    """An operator would rely on a default that keeps accepted messages, and that is none."""
    stated = stated_defaults()
    assert stated.keys() == {"synchronous_commit", "fsync", "full_page_writes", "wal_level"}
    known = dict(postgres.execute("SELECT name, boot_val FROM pg_settings"))
    assert {name: known[name] for name in stated} == stated


def test_statements_run(postgres):
    """In the middle of an outage a command from the page would be refused."""
    statements = re.findall(r' -c "([^"]+)"', PAGE)
    assert len(statements) >= 5
    for statement in statements:
        postgres.execute(statement)


def test_connections_suffice_for_a_pair():
    """At the busiest moment a host would be refused by the database that was set up as the page says."""
    each = int(re.search(r"a host takes (\d+) when it is busy", PAGE)[1])
    assert each == StoreConfig("").connections == sum(map(StoreConfig("").share, ("front", *WORKERS)))
    assert 2 * each + KEPT < int(settings()["max_connections"])


def test_columns_of_hosts():
    """An operator would look for a column that there is not."""
    shown = next(line.split() for line in PAGE.splitlines() if line.startswith("host  "))
    host = ProcessInfo("a", "front", 1, "0.1.0", since=0.0, until=1.0, leases=0, alive=True)
    assert shown == list(COLUMNS)
    assert [*shown, "trouble"] == list(_process(host, 0.0))
    assert "a column `trouble`" in PAGE


def test_lease_times_are_the_defaults():
    """An operator would reckon with a takeover sooner than it comes."""
    config = StoreConfig("postgresql://")
    lease, rest = config.lease, config.lease - config.margin
    assert f"after `lease` ({lease} seconds)" in PAGE
    assert f"`lease` less `margin` ({rest} seconds)" in PAGE


@pytest.fixture
def example():
    """The configuration of the pair's first host."""
    return load(EXAMPLE)


def test_example_is_a_configuration_of_a_pair(example):
    """A host set up as the page says would not start, or start on a store of its own."""
    assert example.database is None
    assert example.store.url.startswith("postgresql://")
    assert "target_session_attrs=read-write" in example.store.url
    assert all(host in example.store.url for host in HOSTS)
    assert attrs.asdict(example.backends["outbox"])["path"].startswith("/")


def test_example_fits_the_one_for_haproxy(example):
    """HAProxy would connect to where nothing listens, or its header would not be believed."""
    haproxy = (ROOT / "packaging" / "haproxy.cfg").read_text(encoding="utf-8")
    servers = re.findall(r"^ +server \S+ ([\d.]+):(\d+) check port (\d+)$", haproxy, re.MULTILINE)
    assert {address for address, _, _ in servers} == set(example.sftp.proxy_from) == HOSTS
    assert example.web is not None
    for _, sftp, web in servers:
        assert [address.rpartition(":")[2] for address in example.sftp.listen] == [sftp]
        assert [address.rpartition(":")[2] for address in example.web.listen] == [web]


def test_example_shows_defaults(tmp_path):
    """An operator would take a value for the default that is none."""
    file = tmp_path / "smsfs.toml"
    file.write_text(re.sub(r"(?m)^#(?=\w+ = )", "", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    store = load(file).store
    assert (store.lease, store.margin) == (StoreConfig("").lease, StoreConfig("").margin)
