"""Which SQL a guarded connection refuses: what would end its transaction."""

import re
from typing import Any, Final

#: Comments may stand before it; MySQL has those of a line with ``#`` too, and runs what is in ``/*! … */``.
_BEFORE: Final = r"(?:^|;)\s*(?:/\*(?!!).*?\*/\s*|(?:--|\#)[^\n]*\n\s*|/\*!\d*\s*)*"
#: What begins or ends transactions; savepoints are no matter.
_ENDS: Final = re.compile(
    _BEFORE + r"(?:(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+(?:\w+\s+)?TO\b)|"
    r"PREPARE\s+TRANSACTION)\b|SET\b[^;]*\b(?P<set>AUTOCOMMIT)\s*:?=)",
    re.IGNORECASE | re.DOTALL,
)
#: What commits by itself where definitions cannot be rolled back: on MySQL, MariaDB and Oracle (MySQL 8.4
#: Reference Manual, 15.3.3).
_DEFINES: Final = re.compile(
    _BEFORE + r"((?:CREATE|DROP)(?!\s+TEMPORARY\b)|ALTER|TRUNCATE|RENAME|GRANT|REVOKE|LOCK\s+TABLES|"
    r"UNLOCK\s+TABLES|ANALYZE|OPTIMIZE|REPAIR|FLUSH|COMMENT|CHECK\s+TABLE|CACHE\s+INDEX|"
    r"LOAD\s+INDEX|RESET|INSTALL|UNINSTALL|SET\s+PASSWORD)\b",
    re.IGNORECASE | re.DOTALL,
)
_SAVEPOINT: Final = re.compile(r"\bs\d+_x(?=\d)")


def refused(sql: str, *, rolls_back_definitions: bool) -> str:
    """Return what of some SQL would end a transaction; ``""`` for nothing."""
    found = _ENDS.search(sql)
    if found is None and not rolls_back_definitions:
        found = _DEFINES.search(sql)
    if found is None:
        return ""
    what = found[1] or f"SET {found['set']}"
    return " ".join(what.upper().split())


def text_of(sql: Any, connection: Any) -> str:
    """Return SQL as text, also where it has been composed with psycopg."""
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    as_string = getattr(sql, "as_string", None)
    return str(sql) if as_string is None else str(as_string(connection))


def comparable(sql: str) -> str:
    """Return SQL without what Django puts the number of a thread into."""
    return _SAVEPOINT.sub("s_x", sql)
