import shutil
import subprocess

import pytest

PACKAGES = ["smpp@0.5.1", "sms-segments-calculator@1.3.0"]


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """Where npm put what others wrote."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-save", *PACKAGES],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm cannot fetch {' and '.join(PACKAGES)} here")
    return folder / "node_modules"
