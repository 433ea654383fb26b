"""The rules and the dashboard that operators copy."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from smsfs.metrics.catalog import CATALOG

PACKAGING = Path(__file__).parents[3] / "packaging"
RULES, DASHBOARD = PACKAGING / "prometheus-rules.yml", PACKAGING / "grafana-dashboard.json"
TESTS = Path(__file__).with_name("prometheus-rules-test.yml")
PROMTOOL = shutil.which("promtool")
EXPOSED = {metric.exposed for metric in CATALOG.values()} | {
    f"{metric.name}{suffix}"
    for metric in CATALOG.values()
    if metric.kind == "histogram"
    for suffix in ("_bucket", "_sum", "_count")
}


def metrics_in(expressions):
    """The metrics that expressions of Prometheus name."""
    return set(re.findall(r"\bsmsfs_\w+", " ".join(expressions)))


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool: Debian has it in the package prometheus")
def test_each_rule_fires_on_what_it_is_for(tmp_path):
    """An alert would never come, or every night."""
    copy = tmp_path / "tests.yml"
    copy.write_text(TESTS.read_text(encoding="utf-8").replace("{{RULES}}", str(RULES)), encoding="utf-8")
    done = subprocess.run([PROMTOOL, "test", "rules", copy], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_has_a_test():
    """A rule that nobody has tried may be one that cannot fire."""
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    tried = set(re.findall(r"alertname: (\w+)\n +exp_alerts: \[\{", TESTS.read_text(encoding="utf-8")))
    assert tried == set(alerts)


def test_rules_ask_for_metrics_that_there_are():
    """After a metric got another name, an alert would keep silent for ever."""
    expressions = re.findall(r"expr: (.*)", RULES.read_text(encoding="utf-8"))
    assert metrics_in(expressions) - EXPOSED == set()


def test_dashboard_asks_for_metrics_that_there_are():
    """A panel would be empty, and nobody would know whether that is good news."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    targets = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert metrics_in(targets) - EXPOSED == set()
    assert all(metrics_in([target]) for target in targets)
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
