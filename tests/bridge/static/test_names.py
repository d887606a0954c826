"""What paths ask for, and what names say."""

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.static.names import file_name, has_hash, matches

#: Pieces that paths of attackers are made of, and some others.
PIECES = st.sampled_from(
    ["/", "//", ".", "..", "...", "\\", "\0", "a", "b.css", ".git", ".well-known", "%2e%2e", "%2f", " ", "\n",
    "\udcff", "é", "~", ":", "C:", "/../", "/./", "/.well-known/.."]
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a.css", "a.css"),
        ("/css/site.css", "css/site.css"),
        ("/a..b.css", "a..b.css"),
        ("/a b/ü.css", "a b/ü.css"),
        ("/.well-known/security.txt", ".well-known/security.txt"),
        ("/css/", "css/"),
        ("/", ""),
        ("", ""),
        ("/%2e%2e/x", "%2e%2e/x"),
    ],
)
def test_names(path: str, name: str) -> None:
    """A path names a file as it is written; it has been decoded, and is not once more."""
    assert file_name(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "//a.css",
        "/css//a.css",
        "/..",
        "/../etc/passwd",
        "/css/../../etc/passwd",
        "/css/..",
        "/./a.css",
        "/.",
        "/...",
        "/..\\..\\etc",
        "/a\\b.css",
        "/a.css\0",
        "/a.css\0.png",
        "/a\nb",
        "/.env",
        "/.git/config",
        "/css/.htpasswd",
        "/.well-known/.env",
        "/css/.well-known/x",
        "/.well-known/../.env",
        "a.css",
        "\\\\host\\share",
    ],
)
def test_no_names(path: str) -> None:
    """What leads up, is hidden, or is no name on every system is nothing."""
    assert file_name(path) is None


@pytest.mark.parametrize(
    "path", ["/c:/x", "/a.css::$DATA", "/con", "/sub/NUL.txt", "/a.css.", "/a.css ", "/a ./b", "/com1.js"]
)
def test_names_on_windows(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """What Windows takes for a drive, a stream, a device or another name is nothing there."""
    assert file_name(path) is not None
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        name, other = file_name(path), file_name("/console.js")
    assert (name, other) == (None, "console.js")


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_name_leads_out(path: str) -> None:
    """Whatever is asked for: a name stays below, and has no hidden part but the one that is well known."""
    name = file_name("/" + path)
    if name is None:
        return
    parts = PurePosixPath(name).parts
    assert not any(part.startswith(".") for part in parts[1:])
    assert not parts[:1] or not parts[0].startswith(".") or parts[0] == ".well-known"
    assert not set(name) & {"\\", "\0", "\n"}
    assert os.path.normpath(f"/files/{name}").startswith("/files")


@pytest.mark.parametrize(
    "name",
    [
        "css/base.27e20196a850.css",
        "main.8f3a2b1c.js",
        "main.8f3a2b1c.js.map",
        "runtime.0123456789abcdef0123.js",
        "assets/index-B2x9a1c3.js",
        "assets/index-BX4aQz1d.css",
        "assets/index-B2x9a1c3.js.map",
        "assets/index-a_2-Bq9x.js",
    ],
)
def test_names_with_a_hash(name: str) -> None:
    """Names as build tools make them of the content."""
    assert has_hash(name)


@pytest.mark.parametrize(
    "name",
    [
        "site.css",
        "user-settings.js",
        "jquery-3.7.1.min.js",
        "report.20240101.pdf",
        "photo.202401011230.jpg",
        "facade.deadbeef.js",
        "my-MyWidget.js",
        "lib-Version2.js",
        "app-version2.js",
        "27e20196a850/site.css",
        "base.27e20196A850.css",
    ],
)
def test_names_without_a_hash(name: str) -> None:
    """A word, a date or a version is not taken for one: nobody would ask for the next version in a year."""
    assert not has_hash(name)


def test_patterns() -> None:
    """One that fits is enough, and a star stands for anything."""
    assert matches("assets/js/app.js", ["fonts/*", "assets/*"])
    assert not matches("css/assets/app.js", ["assets/*"])
    assert not matches("Assets/app.js", ["assets/*"])
