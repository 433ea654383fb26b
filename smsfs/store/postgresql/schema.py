"""The tables: brought up to date by a role that may, and looked at by any other.

One that only reads or writes rows, and a standby, find what is there and write nothing.
"""

from typing import Any, cast

import psycopg
from psycopg.sql import SQL, Identifier

from smsfs.errors import ConfigurationError
from smsfs.store.postgresql.sessions import Session
from smsfs.store.sql import load_migrations, no_store

MIGRATION_LOCK = 20266
OTHERS_TABLE = "The database has another program's table schema_version: give smsfs a database of its own."
_RIGHTS = """
SELECT current_user AS role, current_schema() AS schema, pg_is_in_recovery() AS standby,
    has_schema_privilege(current_schema(), 'CREATE') AS creates,
    pg_get_userbyid(t.relowner) AS owner, coalesce(pg_has_role(t.relowner, 'USAGE'), true) AS owns
FROM (SELECT to_regclass('schema_version') AS name) v LEFT JOIN pg_class t ON t.oid = v.name
"""


def bring_up_to_date(session: Session, *, upgrade: bool) -> int:
    """Make the tables, or change them, if this release needs that and ``upgrade`` allows it.

    Returns:
        The version that they had; 0 where there were none.

    Raises:
        ConfigurationError: the database cannot be used, another version of smsfs or another program has made
            it, the role may not change it, or it has no tables and these are not to be made.
    """
    encoding = session.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database has the encoding {encoding}, in which not every name and text can be kept; "
            "make one with: createdb --encoding UTF8 --template template0"
        )
    scripts = load_migrations("smsfs.store.postgresql")
    have = _version(session)
    if not upgrade:
        _check_version(have, len(scripts))
    if have is None or have < len(scripts):
        _check_rights(session, have, len(scripts))
        return _migrate(session, scripts)
    _check_newest(have, len(scripts))
    return have


def _migrate(session: Session, scripts: list[str]) -> int:
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        have = _version(session)  # another host may have been first
        if have is None:
            session.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        _check_newest(have or 0, len(scripts))
        for number, script in enumerate(scripts[have or 0 :], (have or 0) + 1):
            session.execute(script.encode())
            session.execute("INSERT INTO schema_version VALUES (%s)", (number,))
    return have or 0


def _version(session: Session) -> int | None:
    """The schema that the database has; None where it has no table of ours.

    Raises:
        ConfigurationError: the table of versions is another program's.
    """
    if not _has_table(session, "schema_version"):
        return None
    try:
        row = _row(session, "SELECT CAST(max(version) AS BIGINT) AS version FROM schema_version")
    except (psycopg.errors.UndefinedColumn, psycopg.errors.CannotCoerce, psycopg.DataError) as exc:
        raise ConfigurationError(OTHERS_TABLE) from exc
    version: int = row["version"] or 0
    if version and not _has_table(session, "batch"):
        raise ConfigurationError(OTHERS_TABLE)
    return version


def _has_table(session: Session, name: str) -> bool:
    return bool(_row(session, "SELECT to_regclass(%s) IS NOT NULL AS there", name)["there"])


def _row(session: Session, query: str, *values: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", session.execute(query.encode(), values or None).fetchone())


def _check_version(have: int | None, known: int) -> None:
    """Check that a command may work on the tables, which it may not change.

    Raises:
        ConfigurationError: there are none, or they are another version's.
    """
    if not have:
        raise ConfigurationError(no_store("The database has no tables of smsfs."))
    if have < known:
        raise ConfigurationError(
            f"The database has schema {have}, this smsfs needs {known}: make a backup, then start "
            "smsfs serve of this version, which upgrades it."
        )
    _check_newest(have, known)


def _check_newest(have: int, known: int) -> None:
    if have > known + 1:
        raise ConfigurationError(f"The database has schema {have}, this smsfs knows {known}: upgrade smsfs.")


def _check_rights(session: Session, version: int | None, wanted: int) -> None:
    """Whether this role may change the tables, here.

    Raises:
        ConfigurationError: it may not; says who may.
    """
    told = _row(session, _RIGHTS)
    have = f"has schema {version}" if told["owner"] else "has no tables of smsfs"
    needs = f"The database {have}, and this smsfs needs schema {wanted}"
    if told["standby"]:
        raise ConfigurationError(f"{needs}; this is a standby: run smsfs store migrate on the primary.")
    if not (told["creates"] and told["owns"]):
        who = f"as their owner, {told['owner']}" if told["owner"] else f"as one who owns {told['schema']}"
        raise ConfigurationError(
            f"{needs}, which the role {told['role']} may not make: run smsfs store migrate --grant "
            f"{told['role']} {who}."
        )


def grant(session: Session, role: str) -> None:
    """Let a role read and write all rows, and change no table.

    Raises:
        psycopg.Error: there is no such role, or these tables are another's.
    """
    schema = Identifier(_row(session, "SELECT current_schema() AS schema")["schema"])
    to = Identifier(role)
    with session.transaction():
        session.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, to))
        rights = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}"
        session.execute(SQL(rights).format(schema, to))
        session.execute(SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, to))
