"""The section of the configuration."""

import pytest

from smsfs.backends.http.gatewayapi import GatewayApiConfig
from smsfs.config import checked
from smsfs.errors import ConfigurationError
from smsfs.secret import Secret

TOKEN = "token-0123456789"


def section(**keys):
    """The backend of a configuration with these keys."""
    backend = {"type": "gatewayapi", "token": TOKEN, **keys}
    backend = {key: value for key, value in backend.items() if value is not None}
    sections = {
        "store": {"url": "sqlite:////tmp/smsfs.db"},
        "pipeline": {"default_backend": "gw"},
        "backends": {"gw": backend},
    }
    return checked(sections, "smsfs.toml").backends["gw"]


def test_token_is_enough():
    """A customer with a token would have to find out an address and a dozen settings."""
    assert section() == GatewayApiConfig("gatewayapi", token=Secret(TOKEN))
    assert section().url == "https://gatewayapi.com"


@pytest.mark.parametrize(
    ("keys", "clause"),
    [
        ({"tokn": "x"}, "backends.gw has no key 'tokn'"),
        ({"token": None}, "it needs the key 'token' or the key 'token_file', and not both"),
        ({"token_file": "token"}, "it needs the key 'token' or the key 'token_file', and not both"),
        ({"token": 1234567890}, "backends.gw.token: it is not a string of one line"),
        ({"token": "1234567890\n"}, "backends.gw.token: it is not a string of one line"),
        ({"url": "gatewayapi.eu"}, "url is 'gatewayapi.eu', and has to be an address such as"),
        ({"url": "ftp://gatewayapi.eu"}, "and has to be an address such as"),
        ({"url": "https://me:1234567890@gatewayapi.eu"}, "url has a login in it"),
        ({"url": "https://gatewayapi.eu:port"}, "and has to be an address such as"),
        ({"url": "https://gatewayapi.eu/?token=1"}, "and has to end before any ? or #"),
        ({"proxy": "http://me:1234567890@proxy:3128"}, "proxy has a login in it"),
        ({"connections": 0}, "connections is 0, and has to be from 1 to 1000"),
        (
            {"default_sender": "A name of 12"},
            "default_sender is over the 11 characters that GatewayAPI allows",
        ),
        ({"default_sender": "1234512345123451"}, "default_sender is over the 15 characters that GatewayAPI"),
        ({"batch": 10_001}, "batch is 10001, and has to be from 1 to 10000"),
        ({"hook_token": "1234567890"}, "hook_token has to be 16 to 200 letters of A to Z, digits, hyphens"),
        ({"hook_token": "1234567890/1234567890"}, "hook_token has to be 16 to 200 letters of A to Z"),
        ({"hook_secret": "1234567890"}, "hook_secret is set, and hook_token is not"),
        (
            {"hook_token": "a-1234567890-1234567890", "hook_token_file": "x"},
            "it has the key 'hook_token' and the key 'hook_token_file', and can have one of them",
        ),
        ({"throughput": 0.0001}, "throughput is 0.0001, and has to be 0.001 or more, or 0"),
        ({"connect_timeout": 0}, "connect_timeout is 0, and has to be more"),
        ({"response_timeout": 1e9}, "which is over ten years"),
    ],
)
def test_slips_are_named_and_secrets_are_not(keys, clause):
    """The operator would search the whole file, and whoever looks over their shoulder read the token."""
    with pytest.raises(ConfigurationError) as raised:
        section(**keys)
    assert clause in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert "1234567890" not in str(raised.value)


def with_hook(web, **keys):
    """A configuration with a webhook, and perhaps a server for it."""
    backend = {"type": "smsportal", "client_id": "id", "api_secret": TOKEN, "hook_token_file": "hook", **keys}
    sections = {"store": {"url": "sqlite:////tmp/smsfs.db"}, "backends": {"outbox": backend}, **web}
    return checked(sections, "smsfs.toml")


@pytest.mark.parametrize(
    ("web", "keys", "clause"),
    [
        ({}, {}, "[backends.outbox] has a hook_token, but there is no section [web]"),
        (
            {"web": {}},
            {"hook_secret": "1234567890"},
            "hook_secret goes with hook_header, or with both",
        ),
        ({"web": {}}, {"hook_timestamp_header": "X-Time"}, "hook_secret goes with hook_header, or with both"),
        ({"web": {}}, {"hook_header": "X-Key"}, "hook_secret goes with hook_header, or with both"),
        (
            {"web": {"public_url": "smsfs.example.com"}},
            {},
            "public_url is 'smsfs.example.com', and has to be",
        ),
        ({"web": {"public_url": "https://smsfs.example.com/x"}}, {}, "and has to be an address such as"),
    ],
)
def test_webhooks_that_cannot_work_are_named(web, keys, clause):
    """No receipt would ever come in, and nothing would say so."""
    assert with_hook({"web": {}}).backends["outbox"].hooked
    with pytest.raises(ConfigurationError) as raised:
        with_hook(web, **keys)
    assert clause in str(raised.value)
    assert "1234567890" not in str(raised.value)
