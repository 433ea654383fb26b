"""What the server has and how it is set, held against what smsfs wants."""

from typing import Any, cast

from smsfs.store.postgresql.sessions import STRONG_COMMITS, Session

#: Where nothing limits the role.
PLENTY = 1_000_000
_ROOM = """
SELECT least(
    CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit
        - (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid AND datid IS NOT NULL) END,
    CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit
        - (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid) END,
    CAST(current_setting('max_connections') AS INTEGER)
        - CAST(current_setting('superuser_reserved_connections') AS INTEGER)
        - CAST(coalesce(current_setting('reserved_connections', true), '0') AS INTEGER)
        - (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)
) AS room
FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()
"""
_WORKS = """
SELECT state IN ('active', 'fastpath function call', 'disabled')
    AND wait_event_type IS DISTINCT FROM 'Client' AS works
FROM pg_stat_activity WHERE pid = %s
"""
_TAKEN = """
SELECT r.rolname AS role, r.rolconnlimit AS limit, r.rolsuper AS super,
    CAST(current_setting('max_connections') AS INTEGER) AS most,
    (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid AND application_name = 'smsfs') AS own,
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commits
FROM pg_roles r WHERE r.rolname = session_user
"""


def _row(session: Session, query: str, *values: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any] | None", session.execute(query.encode(), values or None).fetchone())


def room(session: Session) -> int:
    """How many more sessions the server would give to this role."""
    row = _row(session, _ROOM)
    return row["room"] if row else PLENTY


def works(session: Session, backend: int) -> bool:
    """Whether a process of the server still works on what it was asked, and waits for no more of it."""
    row = _row(session, _WORKS, backend)
    return bool(row and row["works"])


def end(session: Session, backend: int) -> None:
    """End a process of the server."""
    _row(session, "SELECT pg_terminate_backend(%s) AS ended", backend)


def backend(session: Session) -> int:
    """The process of the server that answers."""
    row = _row(session, "SELECT pg_backend_pid() AS backend")
    return row["backend"] if row else 0


def concerns(session: Session, wanted: int) -> list[str]:
    """What the operator should know, a sentence each.

    Args:
        session: any.
        wanted: sessions of all hosts together.
    """
    found: list[str] = []
    row = _row(session, _TAKEN)
    if row is None:
        return found
    there = room(session) + row["own"]
    if there < wanted:
        limit = (
            "" if row["super"] or row["limit"] < 0 else f", the role {row['role']} may have {row['limit']}"
        )
        found.append(
            f"PostgreSQL has {there} connections for smsfs (max_connections is {row['most']}{limit}), "
            f"and its hosts want {wanted} when they are busy: it works, and is slow under load."
        )
    if row["commits"] not in STRONG_COMMITS:
        found.append(
            f"synchronous_commit is {row['commits']} at the server, the database or the role; smsfs sets "
            "it to on for its own connections, and whatever else writes there may lose commits."
        )
    return found
