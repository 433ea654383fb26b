"""One backend, and its webhook."""

import contextlib

import pytest

from smsfs.cli.supervisor import Watch
from smsfs.store.sqlite import SqliteStore
from smsfs.store.trouble import WEBHOOK

CONFIGURATION = """
[web]
public_url = "https://smsfs.example.com/"
[pipeline]
default_backend = "gateway"
[backends.gateway]
type = "gatewayapi"
token = "token-0123456789"
hook_token_file = "hook"
hook_secret = "secret-0123456789"
[backends.quiet]
type = "smsportal"
client_id = "id"
api_secret = "api-0123456789"
[backends.outbox]
type = "outbox"
"""


@pytest.fixture
def configured(tmp_path, smsfs):
    """Three backends, one of which has a webhook."""
    (tmp_path / "smsfs.toml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hook").write_text("hook-0123456789ab", encoding="utf-8")
    return smsfs


def test_address_of_a_webhook(configured):
    """An operator would have to guess what to enter at the provider."""
    done = configured("backend", "show", "gateway")
    assert "https://smsfs.example.com/hooks/gateway/hook-0123456789ab\n" in done.out
    assert "at GatewayAPI as a webhook" in done.out
    [shown] = configured("backend", "show", "gateway", "--json").rows()
    assert shown["webhook"] == "https://smsfs.example.com/hooks/gateway/hook-0123456789ab"
    assert shown["refused"] is None
    for secret in ("secret-0123456789", "token-0123456789"):
        assert secret not in done.out
        assert secret not in str(shown)


def test_refused_calls_are_shown(configured, tmp_path):
    """An operator who looks why no receipts come would not see that the provider's calls are refused."""
    configured("account", "add", "a", "--dialect", "gatewayapi", "--password-stdin", text="secret-1\n")
    with contextlib.closing(SqliteStore(tmp_path / "data" / "smsfs.db")) as store:
        front = store.register("front")
        watch = Watch(store, front, [])
        watch.webhooks = lambda: {"gateway": "refused calls (3); the last one because the signature is wrong"}
        watch._report({f"{WEBHOOK}{name}": why for name, why in watch.webhooks().items()})
        done = configured("backend", "show", "gateway")
        assert "refused calls (3); the last one because the signature is wrong" in done.out
        assert "refused" not in configured("hosts").out
        watch._report({})
        assert "refused" not in configured("backend", "show", "gateway").out


def test_a_pause_is_shown(configured):
    """An operator would look for a fault of the carrier where a colleague has paused it."""
    configured("account", "add", "a", "--dialect", "gatewayapi", "--password-stdin", text="secret-1\n")
    assert configured("backend", "pause", "quiet", "--reason", "their maintenance").status == 0
    assert ": their maintenance, since 20" in configured("backend", "show", "quiet").out
    [shown] = configured("backend", "show", "quiet", "--json").rows()
    assert shown["pause"].startswith("paused by ")
    assert configured("backend", "resume", "quiet").status == 0
    [shown] = configured("backend", "show", "quiet", "--json").rows()
    assert shown["pause"] is None


def test_backends_without_a_webhook(configured):
    """An operator would look for an address that is not there."""
    [quiet] = configured("backend", "show", "quiet", "--json").rows()
    assert (quiet["webhook"], quiet["advice"]) == (
        None,
        "Set hook_token to get receipts and replies by a webhook.",
    )
    [outbox] = configured("backend", "show", "outbox", "--json").rows()
    assert outbox == {"backend": "outbox", "type": "outbox", "webhook": None, "advice": None, "pause": None}
    assert configured("backend", "show", "outbox").out == "backend  outbox\ntype     outbox\n"
    done = configured("backend", "show", "other")
    assert (done.status, done.err) == (
        1,
        "smsfs: There is no backend other; there are: gateway, quiet, outbox.\n",
    )
