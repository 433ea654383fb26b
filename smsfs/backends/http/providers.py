"""The providers that there are: a new one has a file of its own, and a line here."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from smsfs.backends.http import gatewayapi
from smsfs.backends.http.bulksms import BulkSms, BulkSmsConfig
from smsfs.backends.http.bulksms_hook import BulkSmsHook
from smsfs.backends.http.contract import Provider
from smsfs.backends.http.gatewayapi import GatewayApi, GatewayApiConfig
from smsfs.backends.http.gatewayapi_hook import GatewayApiHook
from smsfs.backends.http.hooks import Hook, path_of
from smsfs.backends.http.infobip import Infobip, InfobipConfig
from smsfs.backends.http.infobip_hook import InfobipHook
from smsfs.backends.http.kannel import Kannel, KannelConfig
from smsfs.backends.http.kannel_hook import KannelHook
from smsfs.backends.http.naxai import Naxai, NaxaiConfig
from smsfs.backends.http.naxai_hook import NaxaiHook
from smsfs.backends.http.options import HookedConfig, HttpConfig, SignedConfig, refuse_hook_token
from smsfs.backends.http.smsportal import SmsPortal, SmsPortalConfig
from smsfs.backends.http.smsportal_hook import SmsPortalHook
from smsfs.backends.http.template import Template, traceable
from smsfs.backends.http.template_hook import TemplateHook
from smsfs.backends.http.template_options import TemplateConfig
from smsfs.backends.http.twilio import Twilio, TwilioConfig
from smsfs.backends.http.twilio_hook import TwilioHook
from smsfs.backends.http.vonage import Vonage, VonageConfig
from smsfs.backends.http.vonage_hook import VonageHook
from smsfs.errors import ConfigurationError
from smsfs.secret import Secret
from smsfs.secret.places import found_secret


@frozen
class Kind:
    """One kind of carrier; the attributes are those of its provider.

    ``make`` also takes the webhook's address where each message tells the carrier.
    """

    make: Callable[..., Provider]
    most: int
    idempotent: bool
    traceable: bool


KINDS: dict[type[HttpConfig], Kind] = {
    GatewayApiConfig: Kind(gatewayapi.made, GatewayApi.most, GatewayApi.idempotent, GatewayApi.traceable),
    SmsPortalConfig: Kind(SmsPortal, SmsPortal.most, SmsPortal.idempotent, SmsPortal.traceable),
    TwilioConfig: Kind(Twilio, Twilio.most, Twilio.idempotent, Twilio.traceable),
    KannelConfig: Kind(Kannel, Kannel.most, Kannel.idempotent, Kannel.traceable),  # see kind_of
    VonageConfig: Kind(Vonage, Vonage.most, Vonage.idempotent, Vonage.traceable),
    InfobipConfig: Kind(Infobip, Infobip.most, Infobip.idempotent, Infobip.traceable),
    NaxaiConfig: Kind(Naxai, Naxai.most, Naxai.idempotent, Naxai.traceable),
    BulkSmsConfig: Kind(BulkSms, BulkSms.most, BulkSms.idempotent, BulkSms.traceable),
    TemplateConfig: Kind(Template, Template.most, idempotent=False, traceable=True),  # see kind_of
}
#: Those that have a webhook.
HOOKS: dict[type[HookedConfig], Callable[[Any], Hook]] = {
    GatewayApiConfig: lambda _: GatewayApiHook(),
    SmsPortalConfig: lambda config: SmsPortalHook(
        config.hook_signature_header, config.hook_timestamp_header, config.hook_header
    ),
    TwilioConfig: lambda _: TwilioHook(),
    InfobipConfig: lambda _: InfobipHook(),
    BulkSmsConfig: lambda config: BulkSmsHook(config.currency),
    KannelConfig: lambda _: KannelHook(),
    NaxaiConfig: lambda config: NaxaiHook(config.hook_header),
    VonageConfig: lambda config: VonageHook(config.hook_signature_method),
    TemplateConfig: TemplateHook,
}
#: What is of the webhook: messages leave all the same when it cannot be read.
HOOK_SECRETS = ("hook_token", "hook_secret")


def kind_of(config: HttpConfig) -> Kind:
    """The kind of a carrier, as its section describes it."""
    kind = KINDS[type(config)]
    if isinstance(config, KannelConfig):
        return attrs.evolve(kind, traceable=config.hooked)
    if isinstance(config, TemplateConfig):
        return attrs.evolve(kind, idempotent=config.idempotent, traceable=traceable(config))
    return kind


def made(
    config: HttpConfig,
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    place: tuple[str, str] = ("", ""),
) -> Provider:
    """The provider of a carrier, with its secrets as they are now.

    Args:
        config: of the carrier.
        folder: what relative paths are relative to.
        environment: of the process.
        place: the backend's name, and the address of the server of its webhook.

    Raises:
        ConfigurationError: a secret cannot be read.
    """
    secrets = {item.name for item in attrs.fields(type(config)) if item.type is Secret}
    names = sorted(secrets.difference(HOOK_SECRETS))
    found = {name: found_secret(config, name, folder, environment) for name in names}
    values: dict[str, Any] = {**found, **{f"{name}_file": "" for name in names}}
    callback = _callback(config, folder, place, environment)
    told = (callback,) if callback else ()
    return KINDS[type(config)].make(attrs.evolve(config, **values), *told)


def _callback(
    config: HttpConfig, folder: Path, place: tuple[str, str], environment: Mapping[str, str]
) -> str:
    """The webhook's address, where each message tells the carrier; empty where there is none at present."""
    name, server = place
    if not isinstance(config, HookedConfig) or not (config.hooked and config.told_address and server):
        return ""
    try:
        token, _ = hook_secrets(config, folder, environment)
    except ConfigurationError:  # messages leave all the same, and the webhook itself says so in the log
        return ""
    return server.rstrip("/") + path_of(name, token)


def hook_secrets(
    config: HookedConfig, folder: Path, environment: Mapping[str, str] = os.environ
) -> tuple[str, str]:
    """The token and the secret of a carrier's webhook, as they are now; the secret may be empty.

    Raises:
        ConfigurationError: one of them cannot be read, or is not fit.
    """
    token = found_secret(config, "hook_token", folder, environment)
    signed = isinstance(config, SignedConfig)
    secret = found_secret(config, "hook_secret", folder, environment) if signed else Secret()
    try:
        refuse_hook_token(token)
    except ValueError as exc:
        raise ConfigurationError(f"The webhook cannot work: {exc}.") from None
    return token.shown(), secret.shown()
