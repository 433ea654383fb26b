"""Who does something, and how that is recorded."""

import msgspec
from attrs import frozen

from smsfs.store import NewEntry


@frozen
class Operator:
    """Who acts: a name, and how and from where, such as ``"command on gateway1"``."""

    name: str
    origin: str

    def entry(self, at: float, verb: str, target: str, **options: object) -> NewEntry:
        """The record of a verb that is about to be done to something; options that are None are left out."""
        given = {key: value for key, value in options.items() if value is not None}
        return NewEntry(at, self.name, self.origin, verb, target, msgspec.json.encode(given).decode())
