"""What the configuration says about a file that messages are appended to."""

from typing import Literal

from attrs import define

from smsfs.backends.options import BackendConfig
from smsfs.ranges import refuse_odd_text
from smsfs.sms.classes import ALL


@define
class OutboxConfig(BackendConfig):
    """Appends one JSON object for each message to ``path``, relative to the data folder.

    With ``keep_days`` each day's file is kept for so many days more; 0: one file, for ever.
    """

    type: Literal["outbox"]
    path: str = "outbox.jsonl"
    keep_days: int = 0
    on_unknown: Literal["resend", "hold"] = "resend"

    def __attrs_post_init__(self) -> None:
        """Refuse what is no file.

        Raises:
            ValueError: a clause that names the key.
        """
        refuse_odd_text("path", self.path, "the path of a file", blanks=True)

    @property
    def classes(self) -> frozenset[int]:
        """All of them."""
        return ALL
