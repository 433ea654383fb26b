"""A provider of one's own, whose requests and answers the configuration describes. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from smsfs.backends import Envelope, Throttled
from smsfs.backends.http.contract import (
    Login,
    Request,
    Response,
    Token,
    Trouble,
    Verdict,
    basic,
    decoded,
    of_login,
)
from smsfs.backends.http.placeholders import (
    OF_HOOK,
    OF_LOGIN,
    OF_MESSAGE,
    filled,
    filled_form,
    filled_path,
    filled_text,
    filled_tree,
    repeated,
)
from smsfs.backends.http.template_answers import Reader, found_at, words_of
from smsfs.backends.http.template_options import MOST, TemplateConfig, tree_of, used_places

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Template:
    """Messages as a section of the configuration says, and what answers mean by its rules.

    Args:
        config: with the secret itself.
        callback: the address of our webhook; empty if there is none.
    """

    most = MOST
    bundle = 0
    balance = None
    query = None

    def __init__(self, config: TemplateConfig, callback: str = "") -> None:
        secret = config.secret.shown()
        login = basic(config.username, secret)
        self.idempotent, self.traceable = config.idempotent, traceable(config)
        self.secrets: tuple[str, ...] = (secret, login, callback.rpartition("/")[2])
        self._config, self._reader = config, Reader(config, config.currency)
        self._known = {"username": config.username, "secret": secret, "hook": callback}
        self._tree = tree_of("json", config.json)
        self._many = repeated(self._tree) if config.batch > 1 else None
        self._used = used_places(config).difference(OF_LOGIN, OF_HOOK)
        self._headers = _headers(config, login)
        self.login = _login(config, self._known) if config.auth == "token" else None

    def requests(self, envelopes: Sequence[Envelope]) -> list[Request]:
        """One request for each message, or for those that differ in nothing but what stands in its list."""
        return [self._request(group) for group in self._alike(envelopes)]

    def verdict(self, request: Request, response: Response) -> Verdict:
        """What became of the messages of a request."""
        return self._reader.verdict(request, response)

    def _values(self, envelope: Envelope) -> dict[str, str]:
        sender = envelope.message.sender or self._config.default_sender
        return {**self._known, **{name: OF_MESSAGE[name](envelope, sender) for name in self._used}}

    def _alike(self, envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
        """Messages whose request is the same but for its list or its numbers, each number once."""
        if self._many is None and not self._config.separator:
            yield from ([item] for item in envelopes)
            return
        found: dict[Any, list[dict[str, Envelope]]] = defaultdict(list)
        for envelope in envelopes:
            values = self._values(envelope)
            shared = values if self._many is not None else {**values, "to": ""}
            request = self._made([envelope], shared, [])
            groups, number = (
                found[request.path, request.body, tuple(request.headers.items())],
                envelope.message,
            )
            group = next((item for item in groups if number.recipient not in item), None)
            if group is None:
                groups.append(group := {})
            group[number.recipient] = envelope
        for groups in found.values():
            yield from (list(group.values()) for group in groups)

    def _request(self, group: Sequence[Envelope]) -> Request:
        each = [self._values(item) for item in group]
        numbers = self._config.separator.join(item.message.recipient for item in group)
        shared = each[0] if self._many is not None else {**each[0], "to": numbers}
        return self._made(group, shared, each)

    def _made(
        self, group: Sequence[Envelope], values: dict[str, str], each: Sequence[dict[str, str]]
    ) -> Request:
        config = self._config
        if config.form:
            body = filled_form(config.form, values)
        elif config.json:
            body = msgspec.json.encode(filled_tree(self._tree, values, self._many, each))
        else:
            body = filled_text(config.text, values, xml="xml" in config.content_type)
        headers = {name: filled(text, values) for name, text in self._headers.items()}
        groups = tuple((item,) for item in group)
        return Request(groups, filled_path(config.path, values), body, headers, config.method)


def traceable(config: TemplateConfig) -> bool:
    """Whether there are ids that receipts could name: those of answers, or our own."""
    return bool(config.answer_id or config.answer_id_pattern or "id" in used_places(config))


def _headers(config: TemplateConfig, login: str) -> dict[str, str]:
    """The headers of a request, with places still to be filled in."""
    kind = FORM if config.form else JSON if config.json else config.content_type if config.text else ""
    ways = {
        "basic": ("Authorization", f"Basic {login}"),
        "bearer": ("Authorization", "Bearer {secret}"),
        "header": (config.auth_header, config.auth_prefix + "{secret}"),
    }
    found = {"Content-Type": kind} if kind else {}
    if config.auth in ways:
        name, text = ways[config.auth]
        found[name] = text
    return {**found, **config.headers}


def _login(config: TemplateConfig, known: dict[str, str]) -> Login:
    """How to get the token."""
    if config.auth_json:
        tree = filled_tree(tree_of("auth_json", config.auth_json), known)
        request = Request((), "", msgspec.json.encode(tree), {"Content-Type": JSON}, base=config.auth_url)
    else:
        body = filled_form(config.auth_form, known)
        request = Request((), "", body, {"Content-Type": FORM}, base=config.auth_url)

    def read(response: Response) -> Token | Throttled | Trouble:
        tree = decoded(response, object)
        text, seconds = words_of(found_at(tree, config.auth_answer)), found_at(tree, config.auth_seconds)
        lasts = float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0
        return of_login(response, Token(text, lasts) if text.isprintable() and text else None)

    header, prefix = config.auth_header or "Authorization", config.auth_prefix or "Bearer "
    return Login(request, read, header, prefix)
