"""Where a token comes from."""

import pytest

from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.backends.http.providers import hook_secrets, made
from smsfs.errors import ConfigurationError
from smsfs.secret import Secret


def header(config, folder, **environment):
    """What its requests say of themselves."""
    [request] = made(config, folder, environment).requests([])
    return request.headers["Authorization"]


def test_sources(tmp_path):
    """A token could be kept in the configuration alone, which backups and colleagues read."""
    (tmp_path / "beside").write_text("from-file\n")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text("from-systemd")
    directory = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    given = GatewayApiConfig("gatewayapi", token=Secret("itself"))
    environment = GatewayApiConfig("gatewayapi", token=Secret("${GATEWAY_TOKEN}"))
    file, credential = (GatewayApiConfig("gatewayapi", token_file=name) for name in ("beside", "token"))
    assert header(given, tmp_path) == "Token itself"
    assert header(environment, tmp_path, GATEWAY_TOKEN="from-env") == "Token from-env"
    assert header(file, tmp_path) == header(file, tmp_path, **directory) == "Token from-file"
    assert header(credential, tmp_path, **directory) == "Token from-systemd"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"token_file": "nowhere"},
            "The token cannot be read from {folder}/nowhere: No such file or directory.",
        ),
        (
            {"token_file": "empty"},
            "The token cannot be read from {folder}/empty: it is not one line of text.",
        ),
        ({"token_file": "two"}, "The token cannot be read from {folder}/two: it is not one line of text."),
        ({"token": Secret("${NOWHERE}")}, "The environment has no NOWHERE, which token is to come from."),
    ],
)
def test_token_that_is_not_there(tmp_path, options, sentence):
    """The operator would look for the fault at the carrier."""
    (tmp_path / "empty").touch()
    (tmp_path / "two").write_text("first-line\nsecond-line\n")
    with pytest.raises(ConfigurationError) as raised:
        made(GatewayApiConfig("gatewayapi", **options), tmp_path, {})
    assert str(raised.value) == sentence.format(folder=tmp_path)


def test_secrets_of_the_webhook(tmp_path):
    """A webhook whose token cannot be read would keep messages from leaving, or let everybody in."""
    (tmp_path / "short").write_text("too-short")
    (tmp_path / "hook").write_text("hook-0123456789ab\n")

    def config(**options):
        return GatewayApiConfig("gatewayapi", token=Secret("itself"), **options)

    good = config(hook_token_file="hook", hook_secret=Secret("${HOOK_SECRET}"))
    assert hook_secrets(good, tmp_path, {"HOOK_SECRET": "s"}) == ("hook-0123456789ab", "s")
    assert hook_secrets(config(hook_token_file="hook"), tmp_path, {}) == ("hook-0123456789ab", "")
    for bad in (good, config(hook_token_file="short"), config(hook_token_file="nowhere")):
        with pytest.raises(ConfigurationError) as raised:
            hook_secrets(bad, tmp_path, {})
        assert "hook" in str(raised.value)
        assert "too-short" not in str(raised.value)
        assert header(bad, tmp_path) == "Token itself"
