"""Commands: their names and syntax, what of one is kept for the next, and who executes them."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.library import FTPHandler

#: A command's greatest length in bytes, its end not counted: a path of eight names of 255 bytes.
MAX_LINE = 2048
#: Bytes that Telnet clients put before an ABOR (RFC 959, section 4.1.3), as decoded.
_TELNET = "\udcff\udcf4\udcf2"
_FROM_LIBRARY = (
    *("ABOR", "ALLO", "APPE", "CDUP", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HELP", "LIST", "MDTM", "MFMT"),
    *("MLSD", "MLST", "MODE", "MKD", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PORT", "PWD", "QUIT", "REIN"),
    *("REST", "RETR", "RMD", "RNFR", "RNTO", "SITE CHMOD", "SIZE", "STAT", "STOR", "STRU", "SYST", "TYPE"),
    *("USER", "XCUP", "XCWD", "XMKD", "XPWD", "XRMD"),
)
#: The commands there are; others cannot be reached. As pyftpdlib describes them.
SYNTAX: dict[str, dict[str, Any]] = {
    **{name: FTPHandler.proto_cmds[name] for name in _FROM_LIBRARY},
    "OPTS": {**FTPHandler.proto_cmds["OPTS"], "auth": False},
    "AUTH": {"perm": None, "auth": False, "arg": True, "help": "Syntax: AUTH TLS (encrypt what follows)."},
    "PBSZ": {"perm": None, "auth": False, "arg": True, "help": "Syntax: PBSZ 0 (comes before PROT)."},
    "PROT": {"perm": None, "auth": False, "arg": True, "help": "Syntax: PROT P|C (encrypt data or not)."},
}
#: What may stand between REST and the command that it is for.
_KEEP_RESTART = frozenset(
    {"STOR", "RETR", "APPE", "PASV", "EPSV", "PORT", "EPRT", "NOOP", "TYPE", "MODE", "STRU", "ALLO"}
)
_KEEP_RENAME = frozenset({"RNTO", "NOOP"})

#: Executes a command, given its argument.
Handler = Callable[[str], None]


@define
class Prepared:
    """What one command prepares for the next.

    Attributes:
        offset: at which the next transfer begins, in bytes.
        renamed: the path that the next RNTO renames.
    """

    offset: int = 0
    renamed: str | None = None

    def keep_for(self, name: str) -> None:
        """Forget what does not stay over the command of this name."""
        self.offset = self.offset if name in _KEEP_RESTART else 0
        self.renamed = self.renamed if name in _KEEP_RENAME else None

    def take_offset(self) -> int:
        """The offset, for one transfer."""
        offset, self.offset = self.offset, 0
        return offset

    def take_renamed(self) -> str | None:
        """The path, for one RNTO."""
        renamed, self.renamed = self.renamed, None
        return renamed


class Commands:
    """Has the commands of one client executed, or refuses them.

    Args:
        client: the client.
        prepared: shared with the handlers.
        handlers: one for each name of ``SYNTAX``.
        respond: sends a reply.
    """

    def __init__(
        self,
        client: Client,
        prepared: Prepared,
        handlers: Mapping[str, Handler],
        respond: Callable[[str], None],
    ) -> None:
        self._client = client
        self._prepared = prepared
        self._handlers = handlers
        self._respond = respond

    def execute(self, name: str, arg: str) -> None:
        """Execute a command, or say why not."""
        name = name.lstrip(_TELNET)
        if name == "SITE":
            name, _, arg = arg.partition(" ")
            name = f"SITE {name.upper()}"
        self._prepared.keep_for(name)
        try:
            fault = self._fault(name, arg)
            if fault:
                self._respond(fault)
            else:
                self._handlers[name](arg)
        except Exception as exc:  # noqa: BLE001 - whatever failed, the client gets a reply and no internals
            self._respond(self._client.refusal(name, exc))

    def _fault(self, name: str, arg: str) -> str:
        """The reply to a command that cannot be executed; empty if it can."""
        known = SYNTAX.get(name)
        if known is None:
            return f"502 The command {name[:20]} is not part of this server."
        if known["arg"] and not arg:
            return f"501 {known['help']}"
        if (known["auth"] or (name == "STAT" and arg)) and not self._client.is_logged_in:
            return "530 Log in first, with USER and PASS."
        return ""
