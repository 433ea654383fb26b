"""The web page of operators and accounts, as the configuration wants it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from smsfs.cli.backends import backend_rows
from smsfs.cli.file import patience
from smsfs.cli.hosts import process_rows
from smsfs.cli.lists import moment
from smsfs.cli.message import history_fields
from smsfs.cli.messages import asked_search, message_fields
from smsfs.config import Config
from smsfs.control.search import Search
from smsfs.errors import ConfigurationError
from smsfs.frontends.bans import DoorBans, Ledger
from smsfs.frontends.limits import AddressLimits
from smsfs.frontends.logins import Logins
from smsfs.frontends.pages import Pages, PageSettings, Rows
from smsfs.frontends.pages.guard import Line
from smsfs.frontends.web import MAX_CONNECTIONS
from smsfs.ranges import networks
from smsfs.sections import WebConfig
from smsfs.store import Store
from smsfs.store.bans import BanRules


def pages_of(config: Config, store: Store, logins: Logins, ledger: Ledger) -> Pages | None:
    """The pages, in the running event loop; None where there are to be none.

    Failed logins count with those of the other doors, and ban as ``[sftp]`` says.
    """
    web = config.web or WebConfig()
    if not web.pages:
        return None
    rules = BanRules(config.sftp.ban_after, config.sftp.ban_window, config.sftp.ban_time)
    limits = AddressLimits(MAX_CONNECTIONS, MAX_CONNECTIONS, rules.after, rules.window, rules.time)
    line = Line(bool(web.certificate), networks("trusted_proxies", web.trusted_proxies))
    settings = PageSettings(DoorBans("web", limits, rules, ledger), line)
    return Pages(store, logins, rows_of(config, store), settings)


def rows_of(config: Config, store: Store) -> Rows:
    """What the commands show."""
    return Rows(
        backends=lambda: list(backend_rows(config, store)),
        hosts=lambda: process_rows(store),
        search=partial(_search, store),
        message=message_fields,
        history=partial(history_fields, store),
        moment=moment,
        patience=partial(patience, store),
    )


def _search(store: Store, asked: Mapping[str, Any]) -> Search:
    """A search as ``smsfs messages`` makes it.

    Raises:
        ConfigurationError: a filter is wrong; the sentence names it without dashes, as the page does.
    """
    try:
        return asked_search(store, asked)
    except ConfigurationError as exc:
        raise ConfigurationError(str(exc).removeprefix("--")) from None
