"""The body of an answer as a tree: JSON and HTML by their structure, other text by lines, else bytes."""

import codecs
import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Final

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome
from hybrid.adapters.django.migrate.shadow.masks import COVERED
from hybrid.adapters.django.migrate.shadow.parts.html_bodies import html_tree
from hybrid.adapters.django.migrate.shadow.parts.json_bodies import json_tree
from hybrid.adapters.django.migrate.shadow.parts.trees import Item, Leaf, Listed, Node

_JSON: Final = re.compile(r"^(application|text)/([\w.-]+\+)?json$")
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_TEXT: Final = re.compile(
    r"^text/|^application/([\w.-]+\+)?xml$|^image/svg\+xml$|^application/(x-)?(javascript|ndjson|json-seq)$"
)
_CHARSET: Final = re.compile(r"""charset=["']?([\w.:-]+)""", re.IGNORECASE)
#: What a compressed body may grow to, in bytes; the rest is not looked at.
_MOST: Final = 16 * 1024 * 1024


def field(outcome: Outcome, name: str) -> str:
    """Return the value of a field that comes once; ``""`` without it."""
    return next((value for key, value in outcome.headers if key == name), "")


def media_type(outcome: Outcome) -> str:
    """Return the type of the body without parameters, in lower case."""
    return field(outcome, "content-type").partition(";")[0].strip().lower()


def body_tree(outcome: Outcome, cover: Callable[[str], str], *, by_structure: bool = True) -> Node:
    """Return the body as a tree.

    Args:
        outcome: the answer.
        cover: writes over what the user's own masks match.
        by_structure: False to see lines only: a part of a page, or of JSON, has no structure of its own.
    """
    body, whole = _decoded(outcome)
    text = _text_of(body, outcome)
    if text is None:
        return _bytes(body, is_whole=whole)
    covered = cover(text)
    tree = _structure(covered, media_type(outcome)) if whole and by_structure else None
    return _lines(covered, is_whole=whole) if tree is None else tree


def _structure(text: str, kind: str) -> Node | None:
    if kind in _HTML:
        return html_tree(text)
    if not _JSON.match(kind):
        return None
    written = (text, text.replace(COVERED, f'"{COVERED}"'))  # a part of a value is covered, or all of one
    return next((found for each in written if (found := json_tree(each)) is not None), None)


def is_whole(outcome: Outcome) -> bool:
    """Say whether all of the body was kept."""
    return outcome.complete and outcome.size <= len(outcome.body)


def _decoded(outcome: Outcome) -> tuple[bytes, bool]:
    """Return the body without its compression, and whether that is all of it."""
    whole = is_whole(outcome)
    encoding = field(outcome, "content-encoding").strip().lower()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return outcome.body, whole
    for window in (47, -15):  # gzip or zlib, by what it begins with; deflate as some send it, with neither
        reader = zlib.decompressobj(window)
        try:
            body = reader.decompress(outcome.body, _MOST)
        except zlib.error:
            continue
        return body, whole and reader.eof
    return outcome.body, whole


def _text_of(body: bytes, outcome: Outcome) -> str | None:
    kind = media_type(outcome)
    if kind and not (kind in _HTML or _JSON.match(kind) or _TEXT.match(kind)):
        return None
    found = _CHARSET.search(field(outcome, "content-type"))
    charset = found[1] if found else "utf-8"
    try:
        codecs.lookup(charset)
    except LookupError:
        charset = "utf-8"
    try:
        return codecs.getincrementaldecoder(charset)().decode(body, final=is_whole(outcome))
    except (UnicodeDecodeError, LookupError):
        return None


def _lines(text: str, *, is_whole: bool) -> Node:
    lines = text.splitlines()
    if not is_whole:  # where it was left is chance
        lines = lines[:-1]
    return Listed(tuple(Item(f"line {number}", Leaf(each)) for number, each in enumerate(lines, 1)))


def _bytes(body: bytes, *, is_whole: bool) -> Node:
    if not is_whole:
        return Leaf(f"more than {len(body):,} bytes" if body else "")
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Leaf(f"{len(body):,} bytes with the SHA-256 {digest}…" if body else "no bytes")
