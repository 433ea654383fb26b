"""The commands that are about the session itself, most of them pyftpdlib's own."""

from smsfs.frontends.ftp.commands import Handler
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.transfers import Transfers


class Basics:
    """Executes the commands that are about the session itself.

    Args:
        control: the session's connection.
        transfers: the session's.
    """

    def __init__(self, control: Control, transfers: Transfers) -> None:
        self._control = control
        self._transfers = transfers

    @property
    def handlers(self) -> dict[str, Handler]:
        """What executes which command."""
        library = ("ALLO", "FEAT", "HELP", "MODE", "OPTS", "STRU", "SYST")
        return {
            **{name: getattr(self._control, f"ftp_{name}") for name in library},
            "NOOP": lambda _: self._control.respond("200 Still here."),
            "QUIT": self._quit,
            "TYPE": self._type,
        }

    def _type(self, arg: str) -> None:
        """Take the type, which changes nothing here; "without print controls" may follow ASCII."""
        self._control.ftp_TYPE("A" if arg.upper() == "A N" else arg)

    def _quit(self, arg: str) -> None:
        """Say good-bye, after the end of a transfer under way."""
        data = self._control.data_channel
        if data is not None and not self._transfers.is_under_way:
            data.close()
        self._control.ftp_QUIT(arg)
