"""What one's own provider posts to our webhook, by the rules of its section. Pure."""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hmac import digest
from typing import Any

from smsfs.backends import Delivered, Receipt, ReplyPart
from smsfs.backends.http.hooks import (
    LONGEST_ID,
    LONGEST_WORD,
    Call,
    Hook,
    UnreadableCallError,
    each,
    fields,
    name,
    number,
    query,
    root_of,
    same,
    stamped,
    understood,
)
from smsfs.backends.http.template_answers import found_at, words_of
from smsfs.backends.http.template_hook_options import pieces
from smsfs.backends.http.template_options import TemplateConfig

#: What a secret of Standard Webhooks begins with; the rest is Base64.
STANDARD = "whsec_"


class TemplateHook(Hook):
    """What a provider posts as JSON, as a form or as a query.

    Args:
        config: the section.
    """

    methods = ("GET", "POST")

    def __init__(self, config: TemplateConfig) -> None:
        self._rules = config
        self._shared = config.batch > 1 and not config.answer_items
        self._pieces = pieces(config.hook_signed)
        self._events = {
            word.strip().upper(): event
            for words, event in (
                (config.hook_delivered, "delivered"),
                (config.hook_undelivered, "undelivered"),
                (config.hook_expired, "receipt_expired"),
            )
            for word in words
        }
        asked = "Receipts need no entry: each message asks for them." if config.told_address else ""
        self.advice = f"Enter the address at the provider, for delivery receipts and replies. {asked}".strip()

    def genuine(self, call: Call, secret: str) -> bool:
        """As ``hook_auth`` says."""
        rules = self._rules
        if rules.hook_auth == "basic":
            login = b64encode(secret.encode()).decode()
            return same(call.headers.get("authorization", "").strip(), f"Basic {login}")
        given = call.headers.get(rules.hook_header.lower(), "").strip()
        if rules.hook_auth == "header":
            return same(given, rules.hook_prefix + secret)
        data, found = self._signed(call), False
        for text in re.split(r"\s+" if "," in rules.hook_prefix else r"[\s,]+", given)[:16]:
            if text.startswith(rules.hook_prefix):
                found |= self._is_signature(text.removeprefix(rules.hook_prefix), data, secret)
        return found

    def _is_signature(self, given: str, data: bytes, secret: str) -> bool:
        if self._rules.hook_auth == "ed25519":
            return _verified(_bytes(given), data, _bytes(secret))
        standard = secret.startswith(STANDARD)
        key = _bytes(secret.removeprefix(STANDARD)) if standard else secret.encode()
        expected = digest(key, data, self._rules.hook_algorithm)
        return same(given.lower(), expected.hex()) | same(given, b64encode(expected).decode())

    def _signed(self, call: Call) -> bytes:
        """What the signature covers, of this call."""
        rules = self._rules
        values = {
            "timestamp": call.headers.get(rules.hook_timestamp_header.lower(), "").strip(),
            "nonce": call.headers.get(rules.hook_nonce_header.lower(), "").strip(),
            "fields": _sorted_fields(call),
            "method": call.method,
            "url": call.url,
            "address": call.url.partition("?")[0],
        }
        parts = [
            call.body if place and text == "body" else _octets(values[text] if place else text)
            for text, place in self._pieces
        ]
        return b"".join(parts)

    def stamp(self, call: Call) -> float | None:
        """As its header says, where the signature covers it."""
        header = self._rules.hook_timestamp_header
        return stamped(call.headers.get(header.lower(), "")) if header else None

    def delivered(self, call: Call) -> list[Delivered]:
        """Receipts and replies."""
        if call.method == "GET":
            return [understood(dict(query(call)), self._read)]
        if not call.body.lstrip().startswith((b"{", b"[")):
            return [understood(dict(fields(call.body)), self._read)]
        root, path = root_of(call.body), self._rules.hook_items
        return each(found_at(root, path) if path else root, self._read)

    def _read(self, item: dict[str, Any]) -> Delivered:
        rules = self._rules
        if self._is_reply(item):
            return self._reply(item)
        state = _words(item, rules.hook_state).strip().upper()
        if not (0 < len(state) <= LONGEST_WORD and state.isprintable()):
            raise ValueError
        to, known = _words(item, rules.hook_to), name(_words(item, rules.hook_id))
        recipient = number(to) if to else ""
        code, event = _words(item, rules.hook_code)[:LONGEST_WORD], self._events.get(state, "passing")
        other = f"{known}-{recipient}"[:LONGEST_ID] if self._shared and recipient else ""
        return Receipt(known, recipient, event, code, state, other=other)

    def _is_reply(self, item: Mapping[str, Any]) -> bool:
        rules = self._rules
        if not rules.hook_reply_text:
            return False
        if rules.hook_reply_when:
            return all(_words(item, path) == value for path, value in rules.hook_reply_when.items())
        return isinstance(found_at(item, rules.hook_reply_text), str)

    def _reply(self, item: Mapping[str, Any]) -> ReplyPart:
        rules = self._rules
        text = found_at(item, rules.hook_reply_text)
        if not isinstance(text, str):
            raise ValueError  # noqa: TRY004 -- of a call, not of the program
        receiver = _words(item, rules.hook_reply_to).removeprefix("+")[:LONGEST_ID]
        known = _words(item, rules.hook_reply_id).strip()[:LONGEST_ID]
        return ReplyPart(number(_words(item, rules.hook_reply_from)), receiver, text, id=known)


def _words(item: Mapping[str, Any], path: str) -> str:
    """A value as text; empty where there is none."""
    return words_of(found_at(item, path)) if path else ""


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _sorted_fields(call: Call) -> str:
    """Names and values of a form, in the order of the names."""
    try:
        return "".join(key + value for key, value in sorted(fields(call.body)))
    except UnreadableCallError:
        return ""


def _bytes(text: str) -> bytes:
    """Base64; empty where it is not."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _verified(signature: bytes, data: bytes, key: bytes) -> bool:
    """Whether an Ed25519 signature is right."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- few need it, and it takes its time
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 -- likewise

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
