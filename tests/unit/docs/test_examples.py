"""The examples that no test can run here, and the hooks before a commit, held to what they name."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
#: Commands of WinSCP's scripting, with switches, as its documentation has them.
WINSCP = {
    "option": set(),
    "open": {"hostkey", "privatekey", "certificate", "timeout", "passive"},
    "put": {"nopermissions", "nopreservetime", "resumesupport", "transfer"},
    "mv": set(),
    "ls": set(),
    "close": set(),
    "exit": set(),
}


def test_every_example_is_listed():
    """A reader would not find an example that is there."""
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {file.name for file in EXAMPLES.iterdir() if file.is_file()} - {"README.md"}
    assert set(re.findall(r"\]\(([\w.-]+)\)", page)) == files


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_units_are_sound(tmp_path):
    """Systemd would refuse a unit that was copied, or pass over a line of it."""
    for file in EXAMPLES.glob("smsfs-send.*"):
        text = file.read_text(encoding="utf-8")
        program = str(EXAMPLES / "send-with-lftp")
        text = text.replace("/usr/local/bin/send-with-lftp", program).replace("User=reminders", "User=root")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    units = sorted(str(file) for file in tmp_path.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert len(units) == 2
    assert [line for line in done.stderr.splitlines() if "smsfs-send" in line] == []


def test_winscp_script_has_documented_commands_only():
    """WinSCP would stop in the middle of the script, with the file uploaded and never sent."""
    lines = (EXAMPLES / "send-with-winscp.txt").read_text(encoding="utf-8").splitlines()
    commands = [line.split() for line in lines if not line.startswith("#")]
    for command, *arguments in commands:
        switches = {word[1:].partition("=")[0] for word in arguments if word.startswith("-")}
        assert switches <= WINSCP[command], command
    names = [command for command, *_ in commands]
    assert names.index("open") < names.index("put") < names.index("mv") < names.index("exit")
    assert 'mv "%5%" "%5%.ready"' in lines, "a rename submits, as docs/clients.md says"


def test_powershell_gives_the_script_what_it_takes():
    """The script would get a file's name where it expects a key."""
    script = (EXAMPLES / "send-with-winscp.txt").read_text(encoding="utf-8")
    caller = (EXAMPLES / "send-with-winscp.ps1").read_text(encoding="utf-8")
    given = re.search(r"/parameter // (.+)$", caller, re.MULTILINE)[1].split()
    assert given == ["$Url", "$HostKey", "$Key", "$File", "$Name"]
    assert sorted(set(re.findall(r"%(\d)%", script))) == [str(number + 1) for number in range(len(given))]
    assert all(f"{name} " in caller.partition(")\n")[0] or f"\n{name} =" in caller for name in given)


def test_hooks_run_programs_of_the_environment():
    """A developer's commit would be checked by other versions than the tests', or by none."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    programs = re.findall(r"^ +entry: \.venv/bin/(\w+)", hooks, re.MULTILINE)
    assert len(programs) == hooks.count("- id: ") == hooks.count("language: system")
    assert [name for name in programs if f'"{name}>=' not in declared] == []
