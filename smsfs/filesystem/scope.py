"""What the rooms of one account's filesystem have in common."""

from attrs import frozen

from smsfs.dialects import Dialect
from smsfs.filesystem.rights import Rights
from smsfs.store import Account, Process, Store


@frozen
class Scope:
    """Whose files are used, where they are, and by which rules.

    Attributes:
        store: where the files are.
        owner: this process.
        account: the account they belong to, as it was when its use began.
        dialect: the account's folder rules.
        rights: the right under which the files are used.
    """

    store: Store
    owner: Process
    account: Account
    dialect: Dialect
    rights: Rights
