"""The keys of a section that say what one's own provider posts to our webhook. Pure."""

from typing import Literal

import attrs
from attrs import define, field

from smsfs.backends.http.placeholders import PLACE, places
from smsfs.backends.http.template_answers import check_path
from smsfs.ranges import refuse_absurd

#: What a signature may cover.
OF_SIGNED = ("timestamp", "nonce", "body", "fields", "method", "url", "address")
PATHS = (
    *("hook_items", "hook_id", "hook_to", "hook_state", "hook_code"),
    *("hook_reply_id", "hook_reply_from", "hook_reply_to", "hook_reply_text"),
)
WORDS = ("hook_delivered", "hook_undelivered", "hook_expired")
SIGNING = ("hmac", "ed25519")


@define(kw_only=True, slots=False)  # the section has another base with slots
class HookRules:
    """How to read a call; a path leads to a value of JSON, or is the name of a field of a form or a query.

    Attributes:
        hook_items: the path of the list with receipts and replies; "" for a call that is one, or such a list.
        hook_id: the path of the id that the provider gave the message.
        hook_to: the path of its number; may be "".
        hook_state: the path of the word for its state.
        hook_code: the path of the provider's code for the reason; may be "".
        hook_delivered: the words that say that it arrived; upper and lower case do not matter.
        hook_undelivered: those that say that it did not and will not.
        hook_expired: those that say that its time is over.
        hook_reply_when: values by their paths, which say that it is a reply; {} for whatever has a text.
        hook_reply_id: the path of the reply's id.
        hook_reply_from: the path of the person's number.
        hook_reply_to: the path of the number that it was sent to; may be "".
        hook_reply_text: the path of the text; "" where there are no replies.
        hook_auth: how calls show who they are from.
        hook_header: which carries the secret or the signature.
        hook_prefix: what stands before it there.
        hook_signed: what the signature covers, with places.
        hook_algorithm: of ``"hmac"``.
        hook_timestamp_header: which carries the time of a signature.
        hook_nonce_header: which carries another text that it covers.
        hook_window: how far that time may be from ours, in seconds; 0 for any.
    """

    hook_items: str = ""
    hook_id: str = ""
    hook_to: str = ""
    hook_state: str = ""
    hook_code: str = ""
    hook_delivered: list[str] = field(factory=list)
    hook_undelivered: list[str] = field(factory=list)
    hook_expired: list[str] = field(factory=list)
    hook_reply_when: dict[str, str] = field(factory=dict)
    hook_reply_id: str = ""
    hook_reply_from: str = ""
    hook_reply_to: str = ""
    hook_reply_text: str = ""
    hook_auth: Literal["none", "basic", "header", "hmac", "ed25519"] = "none"
    hook_header: str = ""
    hook_prefix: str = ""
    hook_signed: str = "{body}"
    hook_algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    hook_timestamp_header: str = ""
    hook_nonce_header: str = ""
    hook_window: float = 300

    def check_hook(self, *, hooked: bool, secret: bool) -> None:
        """Refuse what could never work.

        Args:
            hooked: whether there is a webhook.
            secret: whether it has a secret.

        Raises:
            ValueError: a clause that names the key.
        """
        if not hooked:
            self._refuse_idle()
            return
        if bool(self.hook_id) != bool(self.hook_state) or not (self.hook_id or self.hook_reply_text):
            raise ValueError(
                "hook_token is set, so it needs hook_id and hook_state, or hook_reply_text, or all"
            )
        if self.hook_state and not any(getattr(self, key) for key in WORDS):
            raise ValueError(f"hook_state is set, and none of {', '.join(WORDS)} has a word")
        if bool(self.hook_reply_text) != bool(self.hook_reply_from):
            raise ValueError("hook_reply_text and hook_reply_from go together: set both or none")
        refuse_absurd(self, ["hook_window"])
        for key in PATHS:
            check_path(key, getattr(self, key))
        self._check_words()
        self._check_auth(secret=secret)

    def _refuse_idle(self) -> None:
        """Refuse keys of a webhook that is not there."""
        default = HookRules()
        for item in attrs.fields(HookRules):
            if getattr(self, item.name) != getattr(default, item.name):
                raise ValueError(f"{item.name} is set, and hook_token is not: without it there is no webhook")

    def _check_words(self) -> None:
        seen = dict[str, str]()
        for key in WORDS:
            for word in getattr(self, key):
                other = seen.setdefault(word.strip().upper(), key)
                if other != key or not word.strip():
                    raise ValueError(f"{key} has {word!r}, which is empty, or is in {other} too")

    def _check_auth(self, *, secret: bool) -> None:
        """Refuse a way of showing who calls that lacks something, or lets anybody in."""
        if (self.hook_auth == "none") == secret:
            raise ValueError("hook_secret goes with hook_auth: set both, or hook_auth = 'none' and no secret")
        if (self.hook_auth in ("header", *SIGNING)) != bool(self.hook_header):
            raise ValueError(
                f"hook_header goes with hook_auth = {', '.join(map(repr, ('header', *SIGNING)))}"
            )
        if self.hook_auth in SIGNING:
            self._check_signed()

    def _check_signed(self) -> None:
        used = {name for name, _ in places(self.hook_signed)}
        for name in used.difference(OF_SIGNED):
            may = ", ".join(f"{{{item}}}" for item in OF_SIGNED)
            raise ValueError(f"hook_signed has the place {{{name}}}, and can have {may}")
        if not used & {"body", "fields"}:
            raise ValueError(
                "hook_signed has neither {body} nor {fields}: anybody could change what a call says"
            )
        for name in ("timestamp", "nonce"):
            if (name in used) != bool(getattr(self, f"hook_{name}_header")):
                raise ValueError(f"hook_{name}_header goes with the place {{{name}}} of hook_signed")


def pieces(signed: str) -> list[tuple[str, bool]]:
    """The text of ``hook_signed`` in its order; what is the name of a place stands with True."""
    found, end = list[tuple[str, bool]](), 0
    for place in PLACE.finditer(signed):
        found += [(signed[end : place.start()], False), (place[1], True)]
        end = place.end()
    return [*found, (signed[end:], False)]
