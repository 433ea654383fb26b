"""The section of the configuration that says how to send by a provider of one's own. Pure."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from attrs import define, field

from smsfs.backends.http.options import SignedConfig, refuse_address
from smsfs.backends.http.placeholders import (
    NUMBERS,
    OF_HEADERS,
    OF_HOOK,
    OF_LOGIN,
    OF_MESSAGE,
    PASSING,
    PLACE,
    places,
    repeated,
    texts_of,
)
from smsfs.backends.http.template_answers import Rules
from smsfs.backends.http.template_hook_options import HookRules
from smsfs.secret import Secret
from smsfs.sms.classes import ALL, CLASSES, FLASH

MOST = 1000
#: How the token is asked for, unless the section says otherwise.
AUTH_FORM = {
    "grant_type": "client_credentials",
    "client_id": "{username}",
    "client_secret": "{secret}",
}


@define
class TemplateConfig(SignedConfig, Rules, HookRules):
    """Any provider that takes a request like the one described.

    Texts have places such as ``{to}`` that each message fills in. One of ``form``, ``json`` and ``text`` is
    the body.

    Attributes:
        path: what the url is followed by, with its parameters.
        method: of HTTP.
        headers: further ones.
        auth: how requests say who sends: with HTTP Basic, ``Authorization: Bearer``, a header of one's own, a
            token that ``auth_url`` gives, or not at all.
        auth_header: which carries the secret, or the token.
        auth_prefix: what stands before it there.
        auth_form: what ``auth_url`` is asked with.
        auth_json: instead, as JSON.
        auth_answer: the path of the token in its answer.
        auth_seconds: the path of the seconds for which it is good.
        separator: what stands between the numbers of a request with several; "" for one in each.
        content_type: of ``text``.
        idempotent: the provider takes no message twice by the ``{digest}`` in the request.
    """

    type: Literal["http"]
    path: str = "/"
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: dict[str, str] = field(factory=dict, repr=False)
    form: dict[str, str] = field(factory=dict, repr=False)
    json: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    content_type: str = "text/plain; charset=utf-8"
    separator: str = ""
    idempotent: bool = False
    auth: Literal["none", "basic", "bearer", "header", "token"] = "none"
    username: str = ""
    secret: Secret = field(factory=Secret)
    secret_file: str = ""
    auth_header: str = ""
    auth_prefix: str = ""
    auth_url: str = ""
    auth_form: dict[str, str] = field(factory=AUTH_FORM.copy, repr=False)
    auth_json: str = field(default="", repr=False)
    auth_answer: str = "access_token"
    auth_seconds: str = "expires_in"
    batch: int = 1

    def __attrs_post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: a clause that names the key.
        """
        self.check(MOST)
        self.check_rules()
        self.check_hook(hooked=self.hooked, secret=bool(self.hook_secret or self.hook_secret_file))
        _check_request(self)
        _check_auth(self)
        _check_many(self)
        _check_key(self)

    @property
    def told_address(self) -> bool:
        """Where a message holds it."""
        return "hook" in used_places(self)

    @property
    def window(self) -> float:
        """How old a signed call may be."""
        return self.hook_window if self.hook_timestamp_header else 0

    @property
    def classes(self) -> frozenset[int]:
        """As far as a place tells them."""
        used = used_places(self)
        return ALL if "mclass" in used else frozenset({CLASSES[FLASH]}) if "flash" in used else frozenset()


def tree_of(key: str, text: str) -> Any:
    """A text as JSON.

    Raises:
        ValueError: it is not; a clause that names the key.
    """
    try:
        return msgspec.json.decode(text.encode()) if text else None
    except msgspec.DecodeError as exc:
        advice = 'a place stands inside quotation marks, such as "{to}", or "{to:number}" for a number'
        raise ValueError(f"{key} is not JSON ({str(exc).rstrip('.')}); {advice}") from None


def _templates(config: TemplateConfig) -> Iterator[tuple[str, str]]:
    """The key and the text of everything that a message fills in."""
    yield "path", config.path
    yield from (("headers", text) for text in config.headers.values())
    yield from (("form", text) for text in config.form.values())
    yield from (("json", text) for text in texts_of(tree_of("json", config.json)))
    yield "text", config.text


def used_places(config: TemplateConfig) -> set[str]:
    """The places that a message fills in."""
    return {name for _, text in _templates(config) for name, _ in places(text)}


def _check_request(config: TemplateConfig) -> None:
    if not config.path.startswith("/") or not config.path.isascii() or not config.path.isprintable():
        raise ValueError(f"path is {config.path!r}, and has to begin with / and be of ASCII characters")
    if " " in config.path or "#" in config.path:
        raise ValueError(f"path is {config.path!r}, and cannot have a blank or a # in it; write %20 and %23")
    bodies = [key for key in ("form", "json", "text") if getattr(config, key)]
    if len(bodies) > 1:
        raise ValueError(f"it has the keys {' and '.join(map(repr, bodies))}, and can have one of them")
    if config.method == "GET" and bodies:
        raise ValueError(f"method is 'GET', and {bodies[0]} cannot leave with it; put the places into path")
    for key, text in _templates(config):
        _check_places(key, text, (*OF_MESSAGE, *OF_LOGIN, *OF_HOOK))
    for name, text in config.headers.items():
        _check_header("headers", name, text)
        _check_places("headers", text, OF_HEADERS)
    _check_header("content_type", "Content-Type", config.content_type)
    _check_places("content_type", config.content_type, ())
    for name in ("to", "text"):
        if name not in used_places(config):
            raise ValueError(f"nothing of the request holds {{{name}}}: put it into path, form, json or text")


def _check_header(key: str, name: str, text: str) -> None:
    token = name.isascii() and all(mark.isalnum() or mark in "-_" for mark in name) and name
    if not token or not text.isascii() or not text.isprintable():
        raise ValueError(f"{key} has {name!r}, and a header is a name and a line of ASCII characters")


def _check_places(key: str, text: str, known: Any) -> None:
    """Refuse places that nothing fills in, and numbers where there is no number."""
    for name, number in places(text):
        if name not in known:
            shown = ", ".join(f"{{{item}}}" for item in sorted(known)) or "none"
            raise ValueError(f"{key} has the place {{{name}}}, and can have {shown}")
        if number and (key != "json" or name not in NUMBERS or not PLACE.fullmatch(text)):
            may = ", ".join(sorted(NUMBERS))
            raise ValueError(
                f"{key} has {{{name}:number}}, which can only be a whole text of json, and only with {may}"
            )


def _check_auth(config: TemplateConfig) -> None:
    asked = [*config.auth_form.values(), *texts_of(tree_of("auth_json", config.auth_json))]
    for text in asked:
        _check_places("auth_json" if config.auth_json else "auth_form", text, OF_LOGIN)
    needed = config.auth != "none" or "secret" in used_places(config)
    if needed:
        config.check_secret("secret")
    elif config.secret or config.secret_file:
        raise ValueError("secret is set, and nothing uses it: set auth, or put {secret} into the request")
    if config.auth == "basic" and (not config.username or ":" in config.username):
        raise ValueError("username has to be a name without a colon, for auth = 'basic'")
    if config.auth == "header" and not config.auth_header:
        raise ValueError("auth_header has to be the name of the header, for auth = 'header'")
    if config.auth_header or config.auth_prefix:
        _check_header("auth_header", config.auth_header or "Authorization", config.auth_prefix)
    _check_places("auth_prefix", config.auth_prefix, ())
    if (config.auth == "token") != bool(config.auth_url):
        raise ValueError("auth_url goes with auth = 'token': set both or none")
    if config.auth_url:
        refuse_address("auth_url", config.auth_url)


def _check_many(config: TemplateConfig) -> None:
    listed = repeated(tree_of("json", config.json)) is not None
    if config.batch > 1 and not listed and not config.separator:
        raise ValueError(
            f"batch is {config.batch}, and a request has one number: put {{to}} into a list of json, or set "
            "separator"
        )
    if config.separator and listed:
        raise ValueError("separator is set, and json has a list for the numbers; there can be one of them")


def _check_key(config: TemplateConfig) -> None:
    """A provider that is to know a request again has to get the same one again."""
    if not config.idempotent:
        return
    used = used_places(config)
    if config.batch > 1:
        raise ValueError(f"batch is {config.batch}, and has to be 1 where idempotent is true")
    if "digest" not in used:
        raise ValueError("idempotent is true, and nothing of the request holds {digest}")
    if passing := sorted(used & PASSING):
        raise ValueError(
            f"idempotent is true, and the request has {{{passing[0]}}}, which is not the same at each attempt"
        )
