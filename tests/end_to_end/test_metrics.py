"""``/metrics`` of a running server, through logins, a file, and the death of a worker."""

import os
import signal
import urllib.request

import paramiko
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import Installation, Server, wait_for

pytestmark = pytest.mark.logs("worker_ended", "worker_does_not_stay_up")  # they are killed
TEXT = b'msisdn,message\n4520000001,"Hello"\n4520000002,"Hello"\n'


@pytest.fixture
def account(base, kit):
    """An account on a server of this test's own, which has metrics by account."""
    (base / "metrics").mkdir()
    sections = {**kit.sections, "web": {"listen": ["127.0.0.1:0"], "metrics_accounts": True}}
    with Server(Installation(base / "metrics", sections), exact=True) as server:
        yield kit.Account(server, "shop", base / "metrics")


def scraped(account):
    """Every number on the page, by the metric and its labels in the order of their names."""
    with urllib.request.urlopen(f"http://127.0.0.1:{account.server.web_port}/metrics", timeout=20) as page:
        families = text_string_to_metric_families(page.read().decode())
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }


def test_what_happened_is_counted_and_stays_so(account):
    """An operator would learn of a failure from customers, or take a restart for messages never sent."""
    with account.session() as sftp:
        with sftp.open("letter.csv", "w") as file:
            file.write(TEXT)
        sftp.rename("letter.csv", "letter.ready")
        account.wait_for_state(sftp, "letter", "success")
        account.wait_for_sent("letter", 2)
        shown = wait_for(lambda: counted(account), "the messages on the page")
        assert shown["smsfs_sessions", "sftp"] == 1
    with pytest.raises(paramiko.AuthenticationException), account.session(password="wrong"):
        pass
    os.kill(account.server.workers()["dispatch"], signal.SIGKILL)
    wait_for(lambda: account.server.workers().get("dispatch"), "another dispatch")
    failed = ("smsfs_logins_total", "password", "sftp", "failed")
    shown = wait_for(lambda: (page := scraped(account))[failed] and page, "the failed login")
    assert shown[failed] == 1
    assert shown["smsfs_messages_total", "outbox", "submitted"] == 2
    assert shown["smsfs_logins_total", "password", "sftp", "ok"] == 1
    assert shown["smsfs_files_total", "gatewayapi", "success"] == 1
    assert shown["smsfs_file_intake_seconds_count", "gatewayapi"] == 1
    assert shown["smsfs_account_messages_total", "shop", "submitted"] == 2
    assert shown["smsfs_store_up",] == 1
    assert shown["smsfs_queue_messages", "outbox"] == 0
    assert shown["smsfs_connections_per_address_limit", "sftp"] == 100


def counted(account):
    """The page once both messages are on it."""
    shown = scraped(account)
    return shown if shown.get(("smsfs_messages_total", "outbox", "submitted")) == 2 else None
