"""Writes the table of docs/monitoring.md from the catalog: ``python -m tests.support.metrics_docs``."""

from pathlib import Path

from smsfs.metrics.catalog import CATALOG, OF_STORE

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
BEGIN, END = "<!-- Written by python -m tests.support.metrics_docs -->\n\n", "\n<!-- up to here -->"


def table() -> str:
    """Every metric, a line each."""
    lines = ["| metric | labels | kind | what it is | |", "|---|---|---|---|---|"]
    for metric in CATALOG.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        store = "store" if metric.name in OF_STORE else ""
        lines.append(f"| `{metric.exposed}` | {labels} | {metric.kind} | {metric.help} | {store} |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with the table as it has to be."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
