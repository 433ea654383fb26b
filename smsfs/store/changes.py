"""What processes wait for each other's commits for."""

from typing import Literal, get_args

#: Files to be read, messages to be sent, what came back of them, what of that is to be shown at once; or all
#: that is told of.
About = Literal["files", "messages", "outcomes", "results", "all"]
ABOUTS: tuple[About, ...] = get_args(About)


def concerns(told: str, about: About) -> bool:
    """Whether a change that was told of so is one of those; hosts of earlier versions do not say which."""
    return told in ("", "all", about) or about == "all"
