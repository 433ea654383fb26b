"""The table of figures at the end of a run, and its copy as JSON."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from smsfs import __version__

#: Peer -> how it tells its version.
PEERS = {
    "sshd": ("ssh", "-V"),
    "vsftpd": ("vsftpd", "-version"),
    "sshfs": ("sshfs", "--version"),
    "bearerbox": ("bearerbox", "--version"),
}
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin"


def lines_of(reports: Iterable[Any]) -> list[dict[str, Any]]:
    """The figures that the reports of tests carry, also out of the processes of a parallel run."""
    ended = [report for report in reports if report.when == "call"]
    return [line for report in ended for name, line in report.user_properties if name == "figure"]


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The figures as aligned text: what, the figure, and what it is beside."""
    shown = [(line["what"], line["figure"], _beside(line)) for line in lines]
    widths = [max(len(cells[column]) for cells in shown) for column in range(3)]
    for cells in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _beside(line: Mapping[str, Any]) -> str:
    ratio = f"{line['ratio']:.2f}" if line["ratio"] is not None else ""
    goal = f"(goal {line['goal']})" if line["goal"] else ""
    return " ".join(part for part in (ratio, goal, line["peer"]) if part)


def circumstances() -> dict[str, Any]:
    """What a figure depends on beside the code: the machine, its load, and the versions of the peers."""
    return {
        "smsfs": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "peers": {name: found for name, command in PEERS.items() if (found := _version(*command))},
    }


def _version(program: str, option: str) -> str:
    """The first line with a digit in what a program says of itself; empty where it is not installed."""
    path = shutil.which(program, path=SBIN)
    if not path:
        return ""
    done = subprocess.run([path, option], capture_output=True, text=True, timeout=10, check=False)
    said = (line.strip() for line in (done.stdout + done.stderr).splitlines())
    return next((line for line in said if any(char.isdigit() for char in line)), "installed")


def write_json(path: str, lines: list[dict[str, Any]], around: Mapping[str, Any]) -> None:
    """Write the figures, so that two runs can be compared by a program."""
    Path(path).write_text(json.dumps({**around, "figures": lines}, indent=1) + "\n", encoding="utf-8")
