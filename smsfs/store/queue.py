"""The queue: from submitted files to messages that leave."""

from typing import Protocol

from smsfs.store.batches import Batches
from smsfs.store.slices import Slices


class Queue(Batches, Slices, Protocol):
    """Submitted files and their messages, on the way out."""
