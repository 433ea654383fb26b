"""Sections of the configuration for simulated providers on loopback, for ``smsfs demo`` and for tests."""

from typing import Any

from smsfs.simulator.http.posts import OWN_SIGNATURE, OWN_TIMESTAMP, PORTAL_SIGNATURE, PORTAL_TIMESTAMP

#: The secret of every login, and the sender where a provider has to have one.
PASSWORD, SENDER = "demo-password", "Clinic"
ACCOUNT = "AC" + "0" * 32
#: By provider: the keys of its login, and others that it needs.
LOGINS: dict[str, dict[str, Any]] = {
    "gatewayapi": {"token": PASSWORD},
    "smsportal": {"client_id": "demo", "api_secret": PASSWORD},
    "twilio": {"account_sid": ACCOUNT, "token": PASSWORD, "default_sender": SENDER},
    "kannel": {"username": "demo", "password": PASSWORD},
    "vonage": {"api_key": "demo", "api_secret": PASSWORD, "default_sender": SENDER},
    "infobip": {"api_key": PASSWORD},
    "naxai": {"client_id": "demo", "client_secret": PASSWORD, "default_sender": SENDER},
    "bulksms": {"token_id": "demo", "token_secret": PASSWORD},
    "http": {
        "path": "/send",
        "json": '{"to": "{to}", "text": "{text}", "from": "{sender}", "callback": "{hook}"}',
        "auth": "bearer",
        "secret": PASSWORD,
        "answer_id": "id",
        "hook_id": "id",
        "hook_to": "to",
        "hook_state": "status",
        "hook_delivered": ["delivered"],
        "hook_undelivered": ["failed"],
        "hook_reply_id": "id",
        "hook_reply_from": "from",
        "hook_reply_to": "to",
        "hook_reply_text": "text",
    },
}
#: By provider that signs: what its webhook needs beside the secret.
SIGNED: dict[str, dict[str, Any]] = {
    "gatewayapi": {},
    "smsportal": {"hook_signature_header": PORTAL_SIGNATURE, "hook_timestamp_header": PORTAL_TIMESTAMP},
    "twilio": {},
    "vonage": {},
    "naxai": {},
    "http": {
        "hook_auth": "hmac",
        "hook_header": OWN_SIGNATURE,
        "hook_timestamp_header": OWN_TIMESTAMP,
        "hook_signed": "{timestamp}.{body}",
    },
}


def section_for(provider: str, url: str, hook_token: str, hook_secret: str) -> dict[str, Any]:
    """The section of a backend that sends to a simulated provider, with a webhook.

    Args:
        provider: its type.
        url: where it is.
        hook_token: of the webhook's address.
        hook_secret: what the provider signs with, if it signs.
    """
    signed = {"hook_secret": hook_secret, **SIGNED[provider]} if provider in SIGNED else {}
    login = {"auth_url": f"{url}/oauth2/token"} if provider == "naxai" else {}
    made = {"type": provider, "url": url, **LOGINS[provider], **login, "hook_token": hook_token, **signed}
    return {**made, "batch": 100} if provider in ("gatewayapi", "smsportal", "bulksms", "infobip") else made


def login_of(provider: str) -> str:
    """The ``--token`` of the simulated provider that goes with that section."""
    keys = LOGINS[provider]
    names = ("client_id", "account_sid", "username", "api_key", "token_id")
    name = next((keys[key] for key in names if key in keys and keys[key] != PASSWORD), "")
    return f"{name}:{PASSWORD}" if name else PASSWORD
