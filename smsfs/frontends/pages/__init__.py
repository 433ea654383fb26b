"""The web page of operators and accounts: what ``smsfs.control`` can do, in a browser.

It works without JavaScript, and has no rule of its own: what is shown and done is a search or a verb of
``smsfs.control``.
"""

from smsfs.frontends.pages.desk import Rows
from smsfs.frontends.pages.server import Pages, PageSettings

__all__ = ["PageSettings", "Pages", "Rows"]
