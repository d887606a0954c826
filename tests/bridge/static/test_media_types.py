"""What files are by their names."""

import mimetypes
import re

import pytest

from hybrid.bridge.static.media_types import TYPES, UNKNOWN, media_type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.mjs", "text/javascript; charset=utf-8"),
        ("a/b/site.CSS", "text/css; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
        ("data.json", "application/json"),
        ("app.js.map", "application/json"),
        ("site.webmanifest", "application/manifest+json"),
        ("module.wasm", "application/wasm"),
        ("font.woff2", "font/woff2"),
        ("photo.avif", "image/avif"),
        ("photo.webp", "image/webp"),
        ("app.js.gz", "application/gzip"),
        ("app.js.br", UNKNOWN),
        ("archive.tar.gz", "application/gzip"),
        ("v1.2/LICENSE", UNKNOWN),
        ("LICENSE", UNKNOWN),
        ("README.", UNKNOWN),
        (".js", UNKNOWN),
        ("file.unheard", UNKNOWN),
        (".well-known/apple-app-site-association", "application/json"),
    ],
)
def test_types(name: str, kind: str) -> None:
    """The last suffix counts, in either case."""
    assert media_type(name) == kind


def test_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine says does not matter."""
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")
    mimetypes.add_type("text/plain", ".js")
    assert media_type("app.js") == "text/javascript; charset=utf-8"


def test_table() -> None:
    """All text says its encoding, and nothing else does."""
    for suffix, kind in TYPES.items():
        assert re.fullmatch(r"\.[a-z0-9]+", suffix)
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?", kind)
        assert kind.startswith("text/") == kind.endswith("; charset=utf-8")
