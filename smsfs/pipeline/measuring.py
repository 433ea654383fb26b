"""How many SMS a text takes by the backend that an account's messages leave by, for previews."""

from collections.abc import Mapping
from typing import Any

from smsfs.backends import routing
from smsfs.backends.measuring import Measure, Tongues
from smsfs.config import Config


def tongues_of(config: Config) -> dict[str, Tongues]:
    """The national tables of those backends that use some, by name."""
    found = {name: options.tongues for name, options in config.backends.items()}
    return {name: tongues for name, tongues in found.items() if tongues and tongues.languages}


def measured(config: Config, settings: Mapping[str, Any]) -> dict[str, Any]:
    """An account's settings, with what counts its SMS."""
    routes = routing.parse(settings["backend"] or config.pipeline.default_backend)
    return {**settings, "measure": Measure(routes, tongues_of(config))}
