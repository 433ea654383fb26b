"""The transfer of a session: it waits for its data connection, begins, and may be aborted."""

from attrs import frozen

from smsfs.errors import StillOpen
from smsfs.frontends.ftp.client import Client
from smsfs.frontends.ftp.control import Control
from smsfs.frontends.ftp.data import DataConnection, Transfer


@frozen
class _Waiting:
    """A transfer without its data connection; ``producer`` makes what the client gets, None for an upload."""

    cmd: str
    file: Transfer | None
    producer: object = None

    def begin(self, data: DataConnection) -> None:
        data.file_obj = self.file
        if self.producer is None:
            data.enable_receiving("i", self.cmd)
        else:
            data.cmd = self.cmd
            data.give(self.producer)


class Transfers:
    """Begins transfers; one at a time.

    Args:
        control: the session's connection.
        client: the client.
    """

    def __init__(self, control: Control, client: Client) -> None:
        self._control = control
        self._client = client
        self._waiting: _Waiting | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a transfer waits for its data connection."""
        return self._waiting is not None

    @property
    def is_under_way(self) -> bool:
        """Whether there is a transfer, begun or waiting."""
        data = self._control.data_channel
        return self.is_waiting or (data is not None and data.cmd is not None)

    def require_none(self) -> None:
        """Refuse a command that cannot stand beside a transfer.

        Raises:
            StillOpen: one is under way.
        """
        if self.is_under_way:
            raise StillOpen("A transfer is under way; wait for its end, or abort it.")

    def can_begin(self) -> bool:
        """Whether a transfer may begin; says so if not."""
        self.require_none()
        if not self._control.expects_data:
            self._control.respond("425 A data connection comes first: PASV, EPSV, PORT or EPRT.")
        return self._control.expects_data

    def receive(self, file: Transfer, cmd: str) -> None:
        """Take a file in as soon as the data connection is there."""
        self._begin_or_wait(_Waiting(cmd, file))

    def send(self, producer: object, cmd: str, file: Transfer | None = None) -> None:
        """Give out what a producer makes as soon as the data connection is there."""
        self._begin_or_wait(_Waiting(cmd, file, producer))

    def _begin_or_wait(self, waiting: _Waiting) -> None:
        self._waiting = waiting
        if self._control.data_channel is None:
            self._control.respond("150 Waiting for the data connection.")
        else:
            self._control.respond("125 The transfer begins.")
            self.begin()

    def begin(self) -> None:
        """The data connection is ready: the transfer that waits for it begins, if there is one."""
        data, waiting = self._control.data_channel, self._waiting
        if data is not None and waiting is not None:
            self._control.pause_idling()
            self._waiting = None
            waiting.begin(data)

    def drop_waiting(self) -> None:
        """The data connection will not come."""
        waiting, self._waiting = self._waiting, None
        if waiting and waiting.file:
            waiting.file.give_up(self._client.log)

    def cut(self) -> None:
        """End the transfer, and await no data connection."""
        self._control.stop_connecting()
        if self._control.data_channel is not None:
            self._control.data_channel.close()
