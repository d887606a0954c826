"""What makes the site out of the documents, and what looks at it: neither needs MkDocs."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.support.api_page import PUBLIC, public_names
from tests.support.process import ROOT
from tests.support.site.breaks import breakable
from tests.support.site.check import main, problems_of
from tests.support.site.relink import ELSEWHERE, linked_files, place_of, relinked


@pytest.mark.parametrize(
    ("file", "link", "becomes"),
    [
        ("docs/django.md", "[a](flask.md#tests)", "[a](flask.md#tests)"),
        ("docs/django.md", "[a](../demo_django/README.md)", "[a](demos/django.md)"),
        ("docs/django.md", "[a](../bridge/README.md#routes)", "[a](project/bridge.md#routes)"),
        ("docs/django.md", "[a](../bridge/)", "[a](project/bridge.md)"),
        ("docs/django.md", "![a](images/desk.png)", "![a](images/desk.png)"),
        ("docs/django.md", "[a](../tests/conftest.py)", "[a](source/tests/conftest.py.md)"),
        ("bridge/README.md", "[`a`](../docs/django.md#streaming)", "[`a`](../django.md#streaming)"),
        ("bridge/README.md", "[a](#here) [b](https://example.org/)", "[a](#here) [b](https://example.org/)"),
        ("bridge/README.md", "`[a](../docs/django.md)`", "`[a](../docs/django.md)`"),
        ("bridge/README.md", "```\n[a](../docs/django.md)\n```", "```\n[a](../docs/django.md)\n```"),
    ],
)
def test_links(file: str, link: str, becomes: str) -> None:
    """A link in the repository leads to the same on the site; code is left as it is."""
    assert relinked(link, file, ROOT) == becomes


def test_what_is_linked_to_has_a_page() -> None:
    """Files that are no documents are found, so that each gets one."""
    text = "[a](wsgi.md) and [the test](../tests/conftest.py), `[not](this.py)`"
    assert linked_files(text, "docs/http.md", ROOT) == {"docs/wsgi.md", "tests/conftest.py"}
    assert place_of("tests/conftest.py") == "source/tests/conftest.py.md"


def test_documents_from_elsewhere_are_there() -> None:
    """Each that the site takes in exists, and is in its navigation."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for file, place in ELSEWHERE.items():
        assert (ROOT / file).is_file()
        assert f"- {place}\n" in navigation


def test_names_in_tables_break_between_words() -> None:
    """Elsewhere, and in what is no name, nothing changes."""
    html = "<p><code>a_b</code></p><td>c_d <code>HYBRID_HOST</code></td>"
    assert breakable(html) == "<p><code>a_b</code></p><td>c_d <code>HYBRID_<wbr>HOST</code></td>"


def test_pages_are_in_the_navigation() -> None:
    """Each page of docs/ is: the build, which needs MkDocs, takes one that is not for a mistake."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"- {page.name}\n" in navigation, page.name


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="other.html#top">', None),
        ('<a href="/other.html">', None),
        ('<a href="#here"><p id="here">', None),
        ('<a href="https://example.org/"><a href="mailto:a@example.org">', None),
        ('<img src="data:image/png;base64,AA">', None),
        ('<link rel="canonical" href="https://example.org/page.html">', None),
        ('<a href="gone.html">', "gone.html does not exist"),
        ('<a href="other.html#gone">', "other.html#gone names nothing on other.html"),
        ('<a href="htp://example.org">', "htp://example.org is no address"),
        ('<img src="gone.png">', "gone.png does not exist"),
        ('<script src="https://example.org/a.js">', "loads https://example.org/a.js from another host"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "loads //example.org/a.css from another host"),
    ],
)
def test_pages_are_checked(tmp_path: Path, html: str, problem: str | None) -> None:
    """What leads nowhere, and what would be asked of another host, is found."""
    (tmp_path / "other.html").write_text('<h1 id="top">')
    (tmp_path / "page.html").write_text(html)
    assert problems_of(tmp_path) == ([f"page.html: {problem}"] if problem else [])


def test_style_sheets_are_checked(tmp_path: Path) -> None:
    """Fonts are what they load."""
    (tmp_path / "a.css").write_text('@font-face { src: url("https://fonts.example.org/a.woff2") }')
    assert problems_of(tmp_path) == ["a.css: loads https://fonts.example.org/a.woff2 from another host"]


def test_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 1 when something is wrong, and says what."""
    (tmp_path / "page.html").write_text('<a href="gone.html">')
    assert main(tmp_path) == 1
    assert "gone.html does not exist" in capsys.readouterr().err
    (tmp_path / "page.html").write_text("")
    assert main(tmp_path) == 0


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names(module: str) -> None:
    """Each is there when it is asked for, and has a sentence that says what it is for."""
    loaded = import_module(module)
    for name in public_names(module):
        assert hasattr(loaded, name.name)
        assert name.summary, name


def test_every_public_module_is_listed() -> None:
    """A package with an `__all__` is on the page, but for those that have a page of their own."""
    own_page = {"hybrid.adapters.django", "hybrid.adapters.django.testing"}
    found = {
        ".".join(path.parent.relative_to(ROOT / "src").parts)
        for room in ("", "bridge", "server", "adapters")
        for path in (ROOT / "src" / "hybrid" / room).rglob("__init__.py")
        if "__all__ = [" in path.read_text(encoding="utf-8")
    }
    assert found - own_page == set(PUBLIC) - {"hybrid.bridge.testing"}  # which is no package
