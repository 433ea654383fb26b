import re
from pathlib import Path

from tests.support.metrics_docs import PAGE, page

RULES = Path(__file__).parents[3] / "packaging" / "prometheus-rules.yml"


def test_table_is_up_to_date():
    """An operator would build a graph of a metric that there is not."""
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m tests.support.metrics_docs"


def test_each_alert_is_explained():
    """Somebody who is woken by an alert would not know what to do."""
    alerts = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    told = re.findall(r"^\| `(Smsfs\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == alerts
