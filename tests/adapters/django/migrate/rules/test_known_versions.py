"""Which versions have known faults on ASGI."""

import pytest

from hybrid.adapters.django.migrate.rules.known_versions import (
    FLAWS,
    first_good,
    flaws_of,
    is_looked_after,
    parsed,
    written,
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5.2.10", (5, 2, 10)),
        ("5.0", (5, 0)),
        ("5.0.0", (5, 0)),
        ("6.0rc1", (6, 0)),
        ("v3.12.1.post1", (3, 12, 1)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_parsing(text: str, numbers: tuple[int, ...]) -> None:
    """A version is its numbers; zeros at the end say nothing."""
    assert parsed(text) == numbers


@pytest.mark.parametrize(
    ("distribution", "version", "ids"),
    [
        ("django", "5.2.9", ["CVE-2025-14550", "CVE-2026-3902", "CVE-2026-33034", "CVE-2026-5766"]),
        ("django", "5.2.11", ["CVE-2026-3902", "CVE-2026-33034", "CVE-2026-5766"]),
        ("django", "5.2.13", ["CVE-2026-5766"]),
        ("django", "5.2.14", []),
        ("django", "6.0.4", ["CVE-2026-5766"]),
        ("django", "6.0.5", []),
        ("django", "6.1", []),
        ("django", "4.2.30", ["CVE-2026-5766"]),
        ("django", "5.1.15", ["CVE-2025-14550", "CVE-2026-3902", "CVE-2026-33034", "CVE-2026-5766"]),
        ("django", "2.2.28", []),
        ("asgiref", "3.11.0", ["CVE-2025-14550"]),
        ("asgiref", "3.11.1", []),
        ("asgiref", "3.12.1", []),
        ("asgiref", "2.3.2", []),
        ("django", "", []),
        ("channels", "4.0.0", []),
    ],
)
def test_flaws(distribution: str, version: str, ids: list[str]) -> None:
    """Versions are compared by number within their series; others have what the next one had."""
    assert [each.id for each in flaws_of(distribution, version)] == ids


@pytest.mark.parametrize(("version", "good"), [("5.2.9", "5.2.14"), ("5.1", "5.2.14"), ("6.0.1", "6.0.5")])
def test_what_to_take_instead(version: str, good: str) -> None:
    """The first version without any of them, of the same series or the next that is looked after."""
    assert written(first_good("django", version)) == good


def test_series_that_nobody_looks_after() -> None:
    """Django's developers have looked at 5.2, and not at 5.1."""
    assert is_looked_after(FLAWS[0], "5.2.9")
    assert not is_looked_after(FLAWS[0], "5.1.9")


def test_links() -> None:
    """Each flaw says where its fix was announced."""
    assert all(each.link.startswith("https://") for each in FLAWS)
