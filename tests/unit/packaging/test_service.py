import re
from configparser import ConfigParser
from pathlib import Path

import attrs
import click
import pytest

from smsfs.backends.http.options import HttpConfig
from smsfs.backends.options import SECTIONS as BACKENDS
from smsfs.backends.options import section_of
from smsfs.cli.descriptors import plan, wanted
from smsfs.cli.serve import serve
from smsfs.config import (
    SYSTEM_FILE,
    Config,
    FtpConfig,
    LimitsConfig,
    LogConfig,
    OutboxConfig,
    PipelineConfig,
    SftpConfig,
    StoreConfig,
    WebConfig,
    load,
)

PACKAGING = Path(__file__).parents[3] / "packaging"
EXAMPLE = (PACKAGING / "smsfs.toml").read_text(encoding="utf-8")
SECTIONS = {
    "store": StoreConfig("sqlite:///var/lib/smsfs/smsfs.db"),
    "web": WebConfig(),
    "sftp": SftpConfig(),
    "pipeline": PipelineConfig(),
    "backends.outbox": OutboxConfig("outbox"),
    "log": LogConfig(),
    "limits": LimitsConfig(),
}


@pytest.fixture
def service():
    """The section ``Service`` of the unit."""
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str
    unit.read(PACKAGING / "smsfs.service", encoding="utf-8")
    return unit["Service"]


def loaded(text, tmp_path):
    """A configuration from its text."""
    file = tmp_path / "smsfs.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_example_is_a_configuration(tmp_path):
    """An operator who copies it would be told that it is wrong."""
    config = loaded(EXAMPLE, tmp_path)
    assert isinstance(config, Config)
    assert config.data == Path("/var/lib/smsfs")


def test_commented_keys_show_the_defaults(tmp_path):
    """An operator would take a value for the default that is none, or a key for one that there is not."""
    config = loaded(re.sub(r"(?m)^#(?=\w+ = )", "", EXAMPLE), tmp_path)
    shown = {name: getattr(config, name) for name in SECTIONS if "." not in name}
    for name, section in {**shown, "backends.outbox": config.backends["outbox"]}.items():
        stated = {**attrs.asdict(section), **({"listen": SECTIONS["sftp"].listen} if name == "sftp" else {})}
        assert {**stated, **({"format": "console"} if name == "log" else {})} == attrs.asdict(SECTIONS[name])


def test_every_key_is_shown():
    """An operator would not know of a key."""
    for name, section in SECTIONS.items():
        body = EXAMPLE.partition(f"[{name}]")[2].partition("\n[")[0]
        assert set(re.findall(r"(?m)^#?(\w+) = ", body)) == set(attrs.asdict(section)), name


def test_smpp_example_shows_every_key_and_its_default(tmp_path):
    """An operator would not know of a key, or take a value for the default that is none."""
    text = (PACKAGING / "smsfs-smpp.toml").read_text(encoding="utf-8")
    short = loaded(text, tmp_path).backends["carrier"]
    full = loaded(re.sub(r"(?m)^#(?=\w+ = )", "", text), tmp_path).backends["carrier"]
    assert attrs.evolve(full, source_ton=None, source_npi=None) == short
    body = text.partition("[backends.carrier]")[2]
    assert set(re.findall(r"(?m)^#?(\w+) = ", body)) == set(attrs.asdict(full))


@pytest.mark.parametrize("provider", [kind for kind in BACKENDS if issubclass(section_of(kind), HttpConfig)])
def test_provider_example_shows_every_key_and_its_default(tmp_path, provider):
    """An operator would not know of a key that the provider serves, or be misled about a default."""
    text = (PACKAGING / f"smsfs-{provider}.toml").read_text(encoding="utf-8")
    short = loaded(text, tmp_path).backends["gateway"]
    assert loaded(re.sub(r"(?m)^#(?=\w+ = )", "", text), tmp_path).backends["gateway"] == short
    body = text.partition("[backends.gateway]")[2]
    cannot = set() if short.tells_states else {"poll_seconds", "poll_hours", "poll_rate"}
    cannot |= set() if short.tells_credit else {"low_credit", "credit_email"}
    assert set(re.findall(r"(?m)^#?(\w+) = ", body)) == set(attrs.asdict(short, recurse=False)) - cannot


def test_mail_example_shows_every_key_and_its_default(tmp_path):
    """An operator would not know of a key, or take a value for the default that is none."""
    text = (PACKAGING / "smsfs-mail.toml").read_text(encoding="utf-8")
    short = loaded(text, tmp_path).mail
    full = loaded(re.sub(r"(?m)^#(?=\w+ = )", "", text), tmp_path).mail
    assert full == short
    assert set(re.findall(r"(?m)^#?(\w+) = ", text)) == set(attrs.asdict(full))


def test_ftp_example_shows_every_key_and_its_default(tmp_path):
    """An operator would not know of a key, or take a value for the default that is none."""
    text = (PACKAGING / "smsfs-ftp.toml").read_text(encoding="utf-8")
    short = loaded(text, tmp_path).ftp
    assert loaded(re.sub(r"(?m)^#(?=\w+ = )", "", text), tmp_path).ftp == short
    assert attrs.evolve(FtpConfig(), listen=short.listen, certificate=short.certificate) == short
    body = text.partition("[ftp]")[2]
    assert set(re.findall(r"(?m)^#?(\w+) = ", body)) == set(attrs.asdict(short))


def test_unit_starts_the_server_with_the_system_configuration(service):
    """The service would not start, or on an empty store."""
    program, command, *arguments = service["ExecStart"].split()
    assert program.endswith("/bin/smsfs")
    assert command == serve.name
    options = serve.make_parser(click.Context(serve)).parse_args(arguments)[0]
    assert options == {"config_file": str(SYSTEM_FILE)}


def test_unit_waits_for_a_graceful_stop(service, tmp_path):
    """The server would be killed while it stores answers, and messages be sent twice."""
    grace = loaded(EXAMPLE, tmp_path).pipeline.stop_grace
    assert int(service["TimeoutStopSec"]) > 2 * grace
    assert service["KillMode"] == "mixed"


def test_unit_may_write_where_the_store_is(service, tmp_path):
    """The server could not write its database, everything else being read-only for it."""
    assert service["ProtectSystem"] == "strict"
    assert Path("/var/lib", service["StateDirectory"]) == loaded(EXAMPLE, tmp_path).data


def test_unit_allows_the_open_files_that_the_limits_come_to(service):
    """With all limits reached, the server would have no descriptor left to accept, store or log with."""
    config = Config(StoreConfig("sqlite:///srv/smsfs.db"), ftp=FtpConfig(plain=True))
    assert int(service["LimitNOFILE"]) >= wanted(config)
    assert plan(config, int(service["LimitNOFILE"])).files == config.limits.open_files
