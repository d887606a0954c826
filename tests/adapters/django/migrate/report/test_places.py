"""The source beside findings, and the addresses of files."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Place
from hybrid.adapters.django.migrate.report import places
from hybrid.adapters.django.migrate.report.places import Addresses, Line, Texts

SOURCE = (
    "import os\n\n\nclass Cart:\n    def get(self):\n\treturn 1\n\n    def post(self):\n        return 2\n"
)


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    """Write one file."""
    (tmp_path / "a.py").write_text(SOURCE)
    return Texts(tmp_path)


def shown(lines: tuple[Line, ...]) -> list[tuple[int, str, bool]]:
    """Return what is compared."""
    return [(each.number, each.text, each.marked) for each in lines]


def test_an_excerpt(texts: Texts) -> None:
    """The lines of the place are marked, with some around them; what all are indented by is cut off."""
    assert shown(texts.excerpt(Place("a.py", 8, 9))) == [
        (6, "    return 1"[4:], False),
        (7, "", False),
        (8, "def post(self):", True),
        (9, "    return 2", True),
    ]


def test_blank_lines_at_the_ends_are_left_out(texts: Texts) -> None:
    """They say nothing."""
    assert [number for number, *_ in shown(texts.excerpt(Place("a.py", 4, 4)))] == [4, 5, 6]


def test_long_places_are_cut(tmp_path: Path) -> None:
    """Of a long class its beginning is shown."""
    (tmp_path / "a.py").write_text("x = 1\n" * 100)
    lines = Texts(tmp_path).excerpt(Place("a.py", 10, 90))
    assert [each.number for each in lines] == [*range(8, 19)]
    assert [each.number for each in lines if each.marked] == [*range(10, 17)]


@pytest.mark.parametrize(
    "place", [Place(), Place("b.py", 1, 1), Place("a.py", 99, 99), Place("a.py"), Place(".", 1)]
)
def test_what_cannot_be_read(texts: Texts, place: Place) -> None:
    """No lines, and no error."""
    assert texts.excerpt(place) == ()
    assert texts.line(place) == ""


def test_lines_are_as_python_counts_them(tmp_path: Path) -> None:
    """A form feed ends no line, and neither does a line separator; bytes that are no UTF-8 are replaced."""
    (tmp_path / "a.py").write_bytes("a\x0c\nb\u2028c\nd\n".encode() + b"\xff  e\n")
    texts = Texts(tmp_path)
    assert texts.line(Place("a.py", 2, 2)) == "b c"
    assert texts.line(Place("a.py", 4, 4)) == "\ufffd e"


def test_too_large_files_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wrote them."""
    monkeypatch.setattr(places, "_TOO_LARGE", 3)
    (tmp_path / "a.py").write_text("x = 1\n")
    assert Texts(tmp_path).excerpt(Place("a.py", 1, 1)) == ()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("shop/a.py", ("back%20end/shop/a.py", True)),
        ("a#b?c.py", ("back%20end/a%23b%3Fc.py", True)),
        ("caf\udce9.py", ("back%20end/caf%E9.py", True)),
        ("/usr/lib/a b.py", ("file:///usr/lib/a%20b.py", False)),
    ],
)
def test_addresses_are_from_the_repository(tmp_path: Path, file: str, expected: tuple[str, bool]) -> None:
    """That is where code hosts look; what is outside of it has an absolute address."""
    (tmp_path / ".git").mkdir()
    root = tmp_path / "back end"
    assert Addresses(root).base == tmp_path
    assert Addresses(root).uri(file) == expected


def test_addresses_without_a_repository(tmp_path: Path) -> None:
    """They are from the project's directory."""
    assert Addresses(tmp_path).uri("a.py") == ("a.py", True)
