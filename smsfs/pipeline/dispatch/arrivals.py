"""What carriers deliver comes in here: stored first, then matched to the messages that went out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog
from msgspec.structs import replace

from smsfs.backends import Delivered, Receipt, Receive, ReplyPart
from smsfs.dialects.registry import dialect
from smsfs.dialects.settings import settings_of
from smsfs.errors import ConfigurationError, StoreUnavailable
from smsfs.pipeline.dispatch.counting import count_arrived
from smsfs.sms.stopwords import is_stop_word
from smsfs.store import Account, Arrived, NewReceipt, NewReplyPart, Reply, Store

#: Runs a step of the store, and gives what comes of it.
Run = Callable[[Callable[[], Arrived]], Awaitable[Arrived]]

MATCH_SECONDS = 1.0
MOST_AT_ONCE = 2000
#: The most digits a phone number can have (E.164); longer strings of digits are not phone numbers.
MAX_DIGITS = 15

log = structlog.get_logger()


class Arrivals:
    """Takes receipts and replies for all backends of a process.

    Args:
        store: where they go.
        run: runs a step of the store in a thread.
    """

    def __init__(self, store: Store, run: Run = asyncio.to_thread) -> None:
        self._store, self._run = store, run

    def of(self, backend: str) -> Receive:
        """The way in for one backend, by the name of its route."""

        async def receive(delivered: Sequence[Delivered]) -> None:
            await self._run(partial(self.take, backend, delivered))

        return receive

    def take(self, backend: str, delivered: Sequence[Delivered]) -> Arrived:
        """Store what a carrier delivered; blocks, and raises if it cannot be stored."""
        now = self._store.now()
        receipts, parts = list[NewReceipt](), list[NewReplyPart]()
        for item in delivered:
            if isinstance(item, Receipt):
                receipts.append(_receipt(backend, item, now))
            elif item.receipt:  # the store knows whose id it names
                looks = _receipt(backend, item.receipt, now)
                receipts.append(replace(looks, reply=_part(backend, item, now)))
            else:
                parts.append(_part(backend, item, now))
        arrived = self._store.inbound.receive(receipts, parts, stops)
        _log_arrived(arrived)
        count_arrived(arrived, first=True)
        return arrived

    async def match_always(self) -> None:
        """Match again and again what came before its message was known to be sent."""
        while True:
            more = False
            with suppress(StoreUnavailable):
                more = await asyncio.to_thread(self.match)
            if not more:
                await asyncio.sleep(MATCH_SECONDS)

    def match(self) -> bool:
        """Match what is due; whether there may be more."""
        arrived = self._store.inbound.match(self._store.now(), MOST_AT_ONCE, stops)
        _log_arrived(arrived)
        count_arrived(arrived, first=False)
        return len(arrived.matched) == MOST_AT_ONCE


def stops(account: Account, text: str) -> bool:
    """Whether a reply of this text puts its sender on the account's opt-out list."""
    try:
        own = settings_of(dialect(account.dialect), account.settings)
    except ConfigurationError as exc:  # the others' replies and receipts come in the same transaction
        log.warning("account_left_alone", account=account.name, reason=str(exc))
        return False
    return bool(own["optouts"]) and is_stop_word(text, own["stop_words"].split(","))


def _receipt(backend: str, item: Receipt, at: float) -> NewReceipt:
    digits = item.recipient
    known = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
    recipient = int(digits) if known else None
    rest = item.code, item.reason, item.done, item.other
    return NewReceipt(backend, item.id, recipient, item.event, at, *rest, price=item.price or None)


def _part(backend: str, item: ReplyPart, at: float) -> NewReplyPart:
    numbers = {"reference": item.reference, "part": item.part, "total": item.total}
    return NewReplyPart(backend, item.sender, item.recipient, item.text, at, **numbers, id=item.id)


def _log_arrived(arrived: Arrived) -> None:
    for matched in arrived.matched if log.is_enabled_for(logging.DEBUG) else ():  # thousands a second
        what = {"account": matched.account, "file": matched.path, "row": matched.row}
        log.debug("receipt", **what, outcome=matched.receipt.event, code=matched.receipt.code)
    for receipt in arrived.kept:
        what = {"backend": receipt.backend, "carrier_id": receipt.carrier_id, "reason": receipt.reason}
        if receipt.readable:
            log.debug("receipt_kept", **what)
        else:
            log.warning("receipt_unreadable", **what)
    for item in arrived.again:
        _log_again(item)
    for reply in arrived.replies:
        _log_reply(reply)


def _log_again(item: NewReceipt | NewReplyPart) -> None:
    """Acknowledged once more, and not stored again."""
    if isinstance(item, NewReceipt):
        log.info("receipt_again", backend=item.backend, carrier_id=item.carrier_id, reason=item.reason)
    else:
        place = {"reference": item.reference, "part": item.part, "total": item.total}
        log.info("reply_again", backend=item.backend, recipient=item.recipient, **place)


def _log_reply(reply: Reply) -> None:
    what = {"account": reply.account, "file": reply.path, "row": reply.row}
    log.info("reply", backend=reply.backend, whole=reply.whole, **what)
    if reply.stopped:
        log.info("opted_out", **what)
