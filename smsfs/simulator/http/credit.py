"""What the providers answer when they are asked for the credit that is left. Pure."""

import re

from smsfs.simulator.http.taken import Asked, Taken

#: Path of the request -> the answer, with a place for the credit, as the provider writes it.
ANSWERS = {
    r"/rest/me": b'{"credit":%s,"currency":"DKK","id":1}',
    r"/v3/Balance": b'{"balance":%s}',
    r"/2010-04-01/Accounts/AC[0-9a-f]{32}/Balance\.json": b'{"balance":"%s","currency":"USD"}',
    r"/account/get-balance": b'{"value":%s,"autoReload":false}',
    r"/account/1/balance": b'{"balance":%s,"currency":"EUR"}',
    r"/v1/profile": b'{"id":"1","credits":{"balance":%s,"limit":0.0},"quota":{"size":null,"remaining":null}}',
}


def told(asked: Asked, credit: float) -> Taken | None:
    """The answer to a request that asks for the credit; None for any other request."""
    if asked.method != "GET":
        return None
    for path, answer in ANSWERS.items():
        if re.fullmatch(path, asked.path):
            known = bool(asked.headers.get("authorization"))
            return Taken(200, answer % f"{credit:.4f}".encode()) if known else Taken(401, b"{}")
    return None
