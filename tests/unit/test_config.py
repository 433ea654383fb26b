import attrs
import pytest

from smsfs import config as module
from smsfs.config import (
    Config,
    FtpConfig,
    PipelineConfig,
    SftpConfig,
    StoreConfig,
    WebConfig,
    embedded,
    find,
    load,
    open_store,
)
from smsfs.errors import ConfigurationError

WHOLE = """
[store]
url = "sqlite:///srv/smsfs/smsfs.db"
lease = 12
margin = 3.5
connections = 9
[sftp]
listen = ["127.0.0.1:2022", "[::1]:2022"]
login_timeout = 5
idle_timeout = 60.5
max_auth_tries = 2
max_connections = 3
max_connections_per_address = 4
max_sessions = 5
ban_after = 6
ban_window = 7
ban_time = 8
legacy_algorithms = true
proxy_from = ["192.0.2.0/24"]
public_host = "sms.example.org:22"
[ftp]
listen = ["127.0.0.1:2021"]
implicit_listen = ["127.0.0.1:2990"]
plain = true
certificate = "/etc/smsfs/chain.pem"
key = "/etc/smsfs/key.pem"
passive_ports = "40000-40010"
masquerade_address = "192.0.2.10"
login_timeout = 5
idle_timeout = 60.5
max_auth_tries = 2
max_connections = 3
max_connections_per_address = 4
ban_after = 6
ban_window = 7
ban_time = 8
proxy_from = ["192.0.2.0/24"]
public_host = "ftp.example.org"
[web]
listen = ["127.0.0.1:9090"]
public_url = "https://sms.example.org"
certificate = "web.pem"
key = "web.key"
trusted_proxies = ["192.0.2.0/24"]
metrics_token = ""
metrics_token_file = "metrics.token"
metrics_from = ["192.0.2.9"]
metrics_accounts = true
pages = true
[mail]
host = "relay.example.org"
sender = "smsfs@example.org"
port = 587
security = "starttls"
username = "smsfs"
password = "secret"
[pipeline]
default_backend = "other"
retry_seconds = 9
max_failures = 10
stop_grace = 11
breaker_failures = 12
breaker_seconds = 13
readers = 3
reader_memory = 100
[backends.other]
type = "outbox"
path = "other.jsonl"
keep_days = 30
on_unknown = "hold"
[log]
format = "json"
level = "debug"
[limits]
open_files = 14
connections_per_account = 15
sessions_per_account = 16
waiting = 17
waiting_per_network = 18
"""

SMPP = "[backends.c]\ntype = 'smpp'\nhost = 'h'\nsystem_id = 'a'\npassword = 'b'\n"


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A folder without configuration, and a system that has none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "SYSTEM_FILE", tmp_path / "etc" / "smsfs.toml")


@pytest.fixture
def read(tmp_path):
    """Load a configuration from its text."""

    def read(text, environment=None):
        path = tmp_path / "given.toml"
        path.write_text(text)
        return load(path, environment or {"SMSFS_DATA": str(tmp_path)})

    return read


def test_every_key_is_read(read):
    """A setting in the file would be passed over in silence."""
    config = read(WHOLE)
    assert (config.store.lease, config.store.margin) == (12, 3.5)
    assert config.sftp == SftpConfig(
        ["127.0.0.1:2022", "[::1]:2022"],
        *(5, 60.5, 2, 3, 4, 5, 6, 7, 8),
        legacy_algorithms=True,
        proxy_from=["192.0.2.0/24"],
        public_host="sms.example.org:22",
    )
    assert config.ftp == FtpConfig(
        ["127.0.0.1:2021"],
        ["127.0.0.1:2990"],
        True,
        *("/etc/smsfs/chain.pem", "/etc/smsfs/key.pem", "40000-40010", "192.0.2.10"),
        *(5, 60.5, 2, 3, 4, 6, 7, 8),
        proxy_from=["192.0.2.0/24"],
        public_host="ftp.example.org",
    )
    https = ("web.pem", "web.key", ["192.0.2.0/24"])
    metrics = {
        "metrics_token_file": "metrics.token",
        "metrics_from": ["192.0.2.9"],
        "metrics_accounts": True,
        "pages": True,
    }
    assert config.web == WebConfig(["127.0.0.1:9090"], "https://sms.example.org", *https, **metrics)
    assert config.pipeline == PipelineConfig("other", 9, 10, 11, 12, 13, 3, 100)
    (backend,) = config.backends.values()
    assert (backend.type, backend.path, backend.on_unknown) == ("outbox", "other.jsonl", "hold")
    assert (config.log.format, config.log.level) == ("json", "debug")
    assert config.limits == module.LimitsConfig(14, 15, 16, 17, 18)
    assert (str(config.database), str(config.data)) == ("/srv/smsfs/smsfs.db", "/srv/smsfs")


def test_test_above_knows_every_key():
    """A key added later would go untested."""
    records = (SftpConfig, FtpConfig, WebConfig, PipelineConfig, StoreConfig)
    for record in (*records, module.OutboxConfig, module.LogConfig, module.LimitsConfig):
        assert all(f"\n{item.name} = " in WHOLE for item in attrs.fields(record)), record


def test_empty_file_is_the_default(read, tmp_path):
    """A file that sets nothing would set something."""
    environment = {"SMSFS_DATA": str(tmp_path / "data")}
    assert read("", environment) == embedded(environment)
    assert embedded(environment).database == tmp_path / "data" / "smsfs.db"
    assert embedded(environment).sftp.listen == ["127.0.0.1:8022"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[store]\nurl = 'sqlite:///a/b'\nmargin = 10\n", "margin has to be more than 0 and less than lease"),
        (
            "[sfpt]\n",
            "no key 'sfpt' (it has store, sftp, ftp, web, mail, pipeline, backends, log, limits)",
        ),
        ("[web]\nkey = 'web.key'\n", "key is set, and certificate is not: name both files"),
        (
            "[web]\nlisten = ['[::]:80']\npages = true\n",
            "passwords would cross the network as they are: name",
        ),
        ("[web]\ntrusted_proxies = ['proxy']\n", "trusted_proxies: 'proxy' is neither an address"),
        (
            "[web]\nmetrics_token = 'x'\nmetrics_token_file = 'y'\n",
            "has the key 'metrics_token' and the key 'metrics_token_file', and can have one of them",
        ),
        ("[web]\nmetrics_from = ['monitor']\n", "metrics_from: 'monitor' is neither an address"),
        ("[sftp]\nprot = 22\n", "sftp has no key 'prot'"),
        ("[backends.outbox]\ntype = 'outbox'\npth = 'x'\n", "backends.outbox has no key 'pth'"),
        ("[store]\n", "store lacks the key 'url'"),
        ("[store]\nurl = 5\n", "store.url: 5 is not a string"),
        ("[sftp]\nmax_sessions = '5'\n", "sftp.max_sessions: '5' is not a whole number"),
        ("[sftp]\nmax_sessions = 5.5\n", "sftp.max_sessions: 5.5 is not a whole number"),
        ("[sftp]\nmax_sessions = true\n", "sftp.max_sessions: True is not a whole number"),
        ("[sftp]\nmax_sessions = -1\n", "sftp.max_sessions: -1 is less than 0"),
        ("[sftp]\nidle_timeout = 'x'\n", "sftp.idle_timeout: 'x' is not a number"),
        ("[sftp]\nlegacy_algorithms = 1\n", "sftp.legacy_algorithms: 1 is not true or false"),
        ("[sftp]\nlisten = '127.0.0.1:22'\n", "sftp.listen: '127.0.0.1:22' is not a list"),
        ("[sftp]\nlisten = [22]\n", "sftp.listen: 22 is not a string"),
        ("sftp = 5\n", "sftp: 5 is not a table"),
        ("backends = 5\n", "backends is not a table"),
        ("[backends]\noutbox = 5\n", "backends.outbox: 5 is not a table"),
        ("[backends.outbox]\ntype = 'smpp2'\n", "backends.outbox: type 'smpp2' is none of 'outbox', 'smpp'"),
        (SMPP + "languages = ['tr', 'de']\n", "languages has 'de', and can have tr, es, pt, bn, gu"),
        (SMPP + "languages = ['tr']\nconcatenation = 'sar'\n", "concatenation to be udh8 or udh16, not sar"),
        (
            SMPP + "languages = ['tr']\ndata_coding_gsm7 = 3\n",
            "needs data_coding_gsm7 to be one of GSM",
        ),
        (SMPP + "receipts = 'all'\n", "receipts: 'all' is none of"),
        ("[log]\nlevel = 'loud'\n", "log.level: 'loud' is none of"),
        ("[pipeline]\ndefault_backend = 'x'\n", "there is no section [backends.x]"),
        ("[pipeline]\ndefault_backend = '45=outbox,y outbox'\n", "there is no section [backends.y]"),
        ("[pipeline]\ndefault_backend = '45=outbox'\n", "is no route: it lacks an entry without a prefix"),
        ("[backends.'a b']\ntype = 'outbox'\n", "the backend 'a b' must have no blank, comma or equals sign"),
        ("[store]\nurl = 'sqlite://relative.db'\n", "not of the form sqlite:///"),
        ("[store]\nurl = 'oracle:///x'\n", "not of the form sqlite:///"),
        ("[store]\nurl = 'sqlite:///'\n", "not of the form sqlite:///"),
        ("[sftp\n", "is not TOML"),
    ],
)
def test_mistakes_are_named(read, tmp_path, text, sentence):
    """An operator would search for the mistake, or the server start with something else than was meant."""
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    told = str(caught.value)
    assert sentence in told
    assert told.endswith(".")
    assert "Traceback" not in told
    assert str(tmp_path / "given.toml") in told or "store" in told


def test_all_mistakes_are_told_at_once(read):
    """An operator would mend one mistake at a time."""
    with pytest.raises(ConfigurationError) as caught:
        read("[sftp]\nprot = 1\nmax_sessions = 'x'\n[log]\nfromat = 'json'\n")
    assert all(text in str(caught.value) for text in ("'prot'", "max_sessions", "'fromat'"))


def test_file_that_is_no_text_is_told(tmp_path):
    """A wrong file would end in a traceback."""
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        load(path, {})


def test_given_file_counts_before_all(tmp_path):
    """The server would run with another configuration than it was told."""
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    here, system = tmp_path / "smsfs.toml", module.SYSTEM_FILE
    system.parent.mkdir()
    environment = {"SMSFS_CONFIG": str(named)}
    assert find(None, {}) is None
    system.touch()
    assert find(None, {}) == system
    here.touch()
    assert find(None, {}).resolve() == here
    named.touch()
    assert find(None, environment) == named
    assert find(None, {"SMSFS_CONFIG": ""}).resolve() == here
    given.touch()
    assert find(given, environment) == given


@pytest.mark.parametrize("how", ["given", "environment"])
def test_missing_file_is_not_passed_over(tmp_path, how):
    """A mistyped path would start the server with the default, on an empty store."""
    path = tmp_path / "missing.toml"
    with pytest.raises(ConfigurationError, match=r"no configuration file .*missing\.toml"):
        find(path if how == "given" else None, {"SMSFS_CONFIG": str(path)} if how == "environment" else {})


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"SMSFS_DATA": "/data", "XDG_DATA_HOME": "/share"}, "/data"),
        ({"XDG_DATA_HOME": "/share"}, "/share/smsfs"),
        ({}, "/home/me/.local/share/smsfs"),
    ],
)
def test_data_are_where_the_environment_says(monkeypatch, environment, folder):
    """A second start would begin with an empty store elsewhere."""
    monkeypatch.setenv("HOME", "/home/me")
    assert str(embedded(environment).data) == folder


def test_relative_data_folder_is_made_absolute(tmp_path):
    """The store would be another one in each folder the server is started from."""
    assert embedded({"SMSFS_DATA": "data"}).database == tmp_path / "data" / "smsfs.db"


def test_store_that_cannot_be_opened_is_told(tmp_path):
    """A wrong path would end in a traceback."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for url in (f"sqlite://{tmp_path}/file/smsfs.db", f"sqlite://{tmp_path}/folder"):
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            open_store(Config(StoreConfig(url)))


def test_store_is_opened_where_the_url_says(tmp_path):
    """Accounts would be looked for in another store."""
    store = open_store(Config(StoreConfig(f"sqlite://{tmp_path}/a%20b/smsfs.db")))
    assert store.accounts.all() == []
    store.close()
    assert (tmp_path / "a%20b" / "smsfs.db").is_file()
