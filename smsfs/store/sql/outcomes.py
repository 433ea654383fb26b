"""What becomes of messages, as rows; and what these mean to result files."""

from collections.abc import Mapping

from smsfs.store import Outcome
from smsfs.store.sql import Connection, Row

OUTCOME = Outcome.__struct_fields__


def outcome_from(row: Row) -> Outcome:
    """The record of a row of ``outcome``."""
    return Outcome(**{name: row[name] for name in OUTCOME})


def tell_results(connection: Connection, told: Mapping[int, int]) -> None:
    """Let the result files of some batches know that there are so many words more; within a transaction.

    Who writes them is woken when one is due at once.
    """
    for batch in sorted(told):
        changed = connection.one("result_changed", batch=batch, news=told[batch])
        if changed and changed["not_before"] == 0:
            connection.notify("results")
