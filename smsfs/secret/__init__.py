"""What other systems know us by: where it is kept, and that nothing prints it."""

from typing import Any

from attrs import field, frozen


@frozen
class Secret:
    """A text that is shown to nobody, whatever prints it."""

    _text: str = field(default="", repr=lambda _: "***")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return "***"

    @property
    def elsewhere(self) -> bool:
        """Whether it only names a variable of the environment."""
        return self._text.startswith("${") and self._text.endswith("}")

    def shown(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text


def secret(text: str | Secret) -> Secret:
    """A text as a secret."""
    return Secret(text) if isinstance(text, str) else text


def refuse_two_places(section: Any, name: str) -> None:
    """Refuse a secret that is in both of its places.

    Raises:
        ValueError: a clause that names both keys.
    """
    if getattr(section, name) and getattr(section, f"{name}_file"):
        raise ValueError(f"it has the key {name!r} and the key '{name}_file', and can have one of them")


def refuse_no_place(section: Any, name: str) -> None:
    """Refuse a secret that is in both of its places, or in neither.

    Raises:
        ValueError: a clause that names both keys.
    """
    if bool(getattr(section, name)) == bool(getattr(section, f"{name}_file")):
        raise ValueError(f"it needs the key {name!r} or the key '{name}_file', and not both")
