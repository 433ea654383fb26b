"""The scripts of packaging/, on machines that lack things, and in a fresh copy of the repository."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = ("quickstart", "quick", "test", "bench")
TOOLS = ("bash", "dirname", "mktemp", "id", "cat", "cksum", "rm", "env", "sed")
LEFT_OUT = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist")


@pytest.fixture
def machine(tmp_path):
    """A machine with few programs; ``program(name, script)`` installs another."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))

    def program(name, script):
        (programs / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)

    program("python3", "exit 0")
    program("fusermount3", "exit 0")
    program("sftp", "exit 0")
    return program


@pytest.fixture
def run(tmp_path):
    """Runs a script on that machine, as in a build service: no terminal, no standard input, an odd HOME."""

    def run_script(script="quickstart", *arguments, **variables):
        environment = {
            "PATH": str(tmp_path / "bin"),
            "TMPDIR": str(tmp_path),
            "SMSFS_VENV": str(tmp_path / "venv"),
        }
        return subprocess.run(
            [ROOT / "packaging" / script, *arguments],
            env={**environment, "HOME": "/nonexistent", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_script


def complaint(done):
    """The last line of what a script that failed said."""
    assert done.returncode == 1, done
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(run, machine, script):
    """Somebody who only asks what a script does would see it install packages."""
    del machine
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].endswith(".")
    assert f"    packaging/{script}" in done.stdout
    assert "pipefail" not in done.stdout


def test_quick_needs_no_packages():
    """On a machine without Debian's packages a developer could not even run the pure tests."""
    assert "need_packages" not in (ROOT / "packaging" / "quick").read_text(encoding="utf-8")


def test_quick_names_tests_that_are_there():
    """After a move, packaging/quick would end with "file or directory not found"."""
    script = (ROOT / "packaging" / "quick").read_text(encoding="utf-8").replace("\\\n", "")
    command = f"printf '%s\\n' {script[script.rindex('tests/unit/test_') :]}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.split()
    assert len(found) > 4
    assert [name for name in found if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_old_python(machine, run, script):
    """On an older Debian the script would end in a stack of pip's errors."""
    machine("python3", 'case $1 in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    assert complaint(run(script)).startswith("Python 3.9.2 is too old: smsfs needs Python 3.11 or later.")


def test_no_python(machine, run, tmp_path):
    """The script would say "command not found" and not what to install."""
    del machine
    (tmp_path / "bin" / "python3").unlink()
    assert complaint(run()).startswith("There is no python3: install Python 3.11 or later.")


def test_no_debian(machine, run, tmp_path):
    """On another Linux the user would not be told which programs are wanted."""
    del machine
    (tmp_path / "bin" / "fusermount3").unlink()
    assert "this is no Debian: install fuse3 with your system's means." in complaint(run())


def test_not_root_and_no_sudo(machine, run, tmp_path):
    """The user would see apt-get fail and not know what to ask the administrator for."""
    (tmp_path / "bin" / "fusermount3").unlink()
    (tmp_path / "bin" / "id").unlink()
    machine("id", "echo 1000")
    machine("apt-get", "exit 0")
    assert complaint(run()).startswith("Debian packages are missing: as root, run: apt-get install fuse3.")


def test_missing_packages_are_installed_once(machine, run, tmp_path):
    """A machine would be left without a program, or every run would wait for apt-get."""
    (tmp_path / "bin" / "sftp").unlink()
    machine("apt-get", f'echo "$*" >> {tmp_path}/installed; echo offline; [ "$1" = update ]')
    done = run()
    said = complaint(done)
    assert said.startswith("apt-get could not install openssh-client. The log is ")
    log = Path(said.rpartition(" ")[2].rstrip("."))
    assert log.read_text(encoding="utf-8") == "offline\noffline\n"
    update, install = (tmp_path / "installed").read_text(encoding="utf-8").splitlines()
    assert update == "update"
    assert install.split()[-1] == "openssh-client"


def test_sudo_is_used_when_not_root(machine, run, tmp_path):
    """Packages could not be installed by somebody who may."""
    (tmp_path / "bin" / "id").unlink()
    (tmp_path / "bin" / "sftp").unlink()
    machine("id", "echo 1000")
    machine("sudo", f'echo "$*" >> {tmp_path}/as-root; exit 1')
    machine("apt-get", "exit 0")
    assert complaint(run()).startswith("apt-get update failed: is this machine online?")
    assert (tmp_path / "as-root").read_text(encoding="utf-8").split()[-1] == "update"


def test_pip_fails(machine, run, tmp_path):
    """A half made environment would be taken for a whole one at the next run."""
    for tool in ("mkdir", "cp"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    make = 'mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/pip"'
    machine("python3", f"case $2 in venv) {make};; pip) echo broken; exit 1;; esac")
    for _ in range(2):
        said = complaint(run())
        assert said.startswith(f"pip could not install smsfs into {tmp_path}/venv. The log is ")
        assert "broken" in Path(said.rpartition(" ")[2].rstrip(".")).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_fresh_copy(tmp_path):
    """The first thing that a newcomer does would fail."""
    wanted = re.findall(r"[\w-]+:(\w+)", (ROOT / "packaging" / "test").read_text(encoding="utf-8"))
    if missing := [program for program in wanted if not shutil.which(program)]:
        pytest.skip(f"packaging/test would install {missing}; a test does not")
    copy = tmp_path / "smsfs"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SMSFS_")}
    environment["PIP_COMPILE"] = "0"  # most of what the tests install is not imported here

    def command(*arguments):
        return subprocess.run(
            arguments, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=600
        )

    first, second = command("packaging/quickstart"), command("packaging/quickstart")
    for done in (first, second):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Done. The first file's messages left once each" in done.stdout
        assert ".venv/bin/smsfs account add clinic --dialect gatewayapi" in done.stdout
    assert first.stderr.startswith("Setting up ")
    assert second.stderr == ""
    assert command(".venv/bin/smsfs", "--version").stdout.startswith("smsfs")
    tests = command("packaging/test", "tests/unit/sms/test_quoting.py", "-q")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "passed" in tests.stdout.splitlines()[-1]
