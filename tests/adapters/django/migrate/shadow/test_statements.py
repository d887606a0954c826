"""SQL that a guarded connection refuses."""

import pytest

from hybrid.adapters.django.migrate.shadow.guards.statements import comparable, refused


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("COMMIT", "COMMIT"),
        ("  commit;", "COMMIT"),
        ("-- now\nCOMMIT", "COMMIT"),
        ("/* a; b */ ROLLBACK", "ROLLBACK"),
        ("ROLLBACK AND CHAIN", "ROLLBACK"),
        ("UPDATE coin SET name = 'x'; COMMIT", "COMMIT"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("START  TRANSACTION READ ONLY", "START TRANSACTION"),
        ("END", "END"),
        ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
        ("SET autocommit = 1", "SET AUTOCOMMIT"),
        ("SET @@session.autocommit = 1", "SET AUTOCOMMIT"),
        ("SET @@SESSION . AUTOCOMMIT = 1", "SET AUTOCOMMIT"),
        ("set sql_mode = '', autocommit = 1", "SET AUTOCOMMIT"),
        ("# now\nCOMMIT", "COMMIT"),
        ("/*!40000 COMMIT */", "COMMIT"),
        ("SELECT 1", ""),
        ("SAVEPOINT a", ""),
        ("ROLLBACK TO SAVEPOINT a", ""),
        ("ROLLBACK WORK TO a", ""),
        ("RELEASE SAVEPOINT a", ""),
        ("SELECT committed FROM ends", ""),
        ("SELECT CASE WHEN a THEN b END FROM c", ""),
        ("CREATE TABLE a (b int)", ""),
        ("SET TIME ZONE 'UTC'", ""),
    ],
)
def test_what_ends_a_transaction(sql: str, what: str) -> None:
    """It is named, wherever it begins a statement; savepoints and words within statements are no matter."""
    assert refused(sql, rolls_back_definitions=True) == what


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("CREATE TABLE a (b int)", "CREATE"),
        ("CREATE TEMPORARY TABLE a (b int)", ""),
        ("drop index a", "DROP"),
        ("TRUNCATE a", "TRUNCATE"),
        ("LOCK TABLES a WRITE", "LOCK TABLES"),
        ("SELECT create FROM a", ""),
        ("CHECK TABLE a", "CHECK TABLE"),
        ("SET PASSWORD = 'x'", "SET PASSWORD"),
    ],
)
def test_what_commits_by_itself(sql: str, what: str) -> None:
    """Definitions do on MySQL and Oracle, but for those of temporary tables."""
    assert refused(sql, rolls_back_definitions=False) == what


def test_names_of_savepoints() -> None:
    """Two threads have the same ones."""
    said = [comparable(f'SAVEPOINT "s{thread}_x1"') for thread in (140_213, 139_999)]
    assert said == ['SAVEPOINT "s_x1"'] * 2
