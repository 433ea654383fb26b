"""What a session counts."""

from attrs import define


@define
class Counters:
    """What a session has done: requests answered, bytes of file content taken in and given out."""

    requests: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
