"""The table at the end of a run of the benchmarks."""

import json

from tests.support import figures

LINE = {"what": "SFTP: pairs", "figure": "400/s", "peer": "OpenSSH, 500/s", "ratio": 0.8, "goal": ">= 0.7"}


def test_a_line_shows_the_ratio_and_its_goal():
    """Nobody would see whether a goal was reached."""
    plain = {"what": "memory", "figure": "50 MiB", "peer": "", "ratio": None, "goal": ""}
    assert list(figures.table([LINE, plain])) == [
        "SFTP: pairs  400/s   0.80 (goal >= 0.7) OpenSSH, 500/s",
        "memory       50 MiB",
    ]


def test_the_copy_tells_on_what_it_was_measured(tmp_path):
    """Figures of two machines would be taken for a change of the code."""
    path = tmp_path / "figures.json"
    figures.write_json(str(path), [LINE], figures.circumstances())
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["figures"] == [LINE]
    assert found["cores"]
    assert found["python"]
