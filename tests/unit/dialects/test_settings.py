"""The settings that every account has."""

import pytest

from smsfs.dialects import settings
from smsfs.dialects.registry import dialect
from smsfs.dialects.settings import check_setting, shown
from smsfs.errors import ConfigurationError


@pytest.fixture(autouse=True)
def switch(monkeypatch):
    """A setting that is on or off."""
    monkeypatch.setitem(settings.COMMON, "switch", False)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_a_switch_is_on_or_off(text, value):
    """What an operator switched off would be on: any text counts as true in Python."""
    assert check_setting(dialect("gatewayapi"), "switch", text) is value
    assert shown(value) == text


@pytest.mark.parametrize("text", ["", "1", "True", "yes"])
def test_a_switch_has_two_positions(text):
    """An operator who wrote "yes" would believe it on, or off, and be wrong."""
    with pytest.raises(ConfigurationError, match=f"switch is one of true, false, not '{text}'."):
        check_setting(dialect("gatewayapi"), "switch", text)


def test_other_settings_are_shown_as_they_are():
    """A number or a name would be shown as something else than what to set."""
    assert [shown(value) for value in (60, "", "Refuse")] == ["60", "", "Refuse"]
