"""How to ask a carrier for the credit that is left, where it tells it. Pure."""

from collections.abc import Mapping

from smsfs.backends.http.contract import OK, REDIRECT, Balance, Request, Response, decoded
from smsfs.backends.http.prices import credit
from smsfs.backends.http.template_answers import found_at


def balance(
    path: str, headers: Mapping[str, str], amount: str, currency: str = "", known: str = ""
) -> Balance:
    """By GET, from an answer of JSON.

    Args:
        path: of the address.
        headers: that requests have.
        amount: the path of the credit in the answer.
        currency: the path of its currency; empty where the answer has none.
        known: the currency that it is in then.
    """

    def read(response: Response) -> str:
        if not OK <= response.status < REDIRECT:
            return ""
        tree = decoded(response, object)
        return credit(found_at(tree, amount), found_at(tree, currency) if currency else known)

    return Balance(Request((), path, b"", headers, "GET"), read)
