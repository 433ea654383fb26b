"""The pages about moving from another service, as a person follows them: their blocks, on loopback."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tests.support.http_carrier import HttpCarrier
from tests.support.server import Installation, free_ports

DOCS = Path(__file__).parents[2] / "docs"
PASSWORD = "the same as before"


class Page:
    """One page.

    Args:
        name: of its file, such as ``moving-from-naxai``.
    """

    def __init__(self, name: str) -> None:
        self._text = (DOCS / f"{name}.md").read_text(encoding="utf-8")

    def blocks(self, language: str = "") -> list[str]:
        """The code blocks of the page in a language, without their indent."""
        found = re.findall(r"(?ms)^ *```(\w*)\n(.*?)^ *```$", self._text)
        return [re.sub(r"(?m)^   ", "", block) for name, block in found if name == language]

    def command(self, beginning: str) -> str:
        """The page's block of commands that begins so."""
        return next(block for block in self.blocks() if block.startswith(beginning))

    def sections(self) -> dict[str, dict[str, Any]]:
        """The configuration of the page, section -> key -> value."""
        [text] = self.blocks("toml")
        found = tomllib.loads(text)
        backends = found.pop("backends")
        return found | {f"backends.{name}": keys for name, keys in backends.items()}

    def set_up(self, carrier: HttpCarrier, folder: Path, certificate: tuple[Path, Path]) -> Installation:
        """An installation by the page, on loopback and with a simulated provider, as far as its step 2."""
        folder.mkdir()
        subprocess.run(["sh", "-ec", self.command("install ")], cwd=folder, check=True)
        sections = self.sections()
        for name, port in zip(("sftp", "ftp", "web"), free_ports(3), strict=True):
            sections[name] |= {"listen": [f"127.0.0.1:{port}"]}
        chain, key = certificate
        sections["ftp"] |= {"certificate": str(chain), "key": str(key)}
        del sections["ftp"]["passive_ports"]
        sections["backends.gateway"] |= {"url": carrier.url}
        if sections["backends.gateway"]["type"] == "naxai":
            sections["backends.gateway"] |= {"auth_url": f"{carrier.url}/oauth2/token"}
        return Installation(folder, {**sections, "log": {"format": "json"}})
