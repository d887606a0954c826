"""Which part of a file a client asks for (RFC 9110 section 14), without any I/O."""

import re
from typing import Final

_SPEC = re.compile(rb"([0-9]*)-([0-9]*)")
#: Ranges that are looked at; whoever asks for more gets the whole, instead of having us sort them.
_MOST: Final = 32
#: More digits than any file's size has.
_DIGITS: Final = 18


def select_range(value: bytes, size: int) -> range | None:
    """Return the bytes that Range asks for.

    Several ranges that touch or overlap are one. Several that do not are answered with the whole, as RFC 9110
    section 14.2 allows: hardly any client reads ``multipart/byteranges``, and building it from what a client
    lists has cost other servers dearly.

    Args:
        value: of the field.
        size: of the whole, in bytes.

    Returns:
        The positions; none at all where there are no such bytes, which is a 416; None for the whole, when
        there is nothing in the field that makes sense here.
    """
    unit, equals, specs = value.partition(b"=")
    parts = specs.split(b",", _MOST)
    if unit.strip().lower() != b"bytes" or not equals or len(parts) > _MOST:
        return None
    spans: list[range] = []
    for part in parts:
        span = _span(part.strip(b" \t"), size)
        if span is None:
            return None
        spans.append(span)
    spans = sorted(filter(None, spans), key=lambda span: span.start)
    if not spans:
        return range(0) if size else None  # of nothing, no part can be named in Content-Range
    whole = spans[0]
    for span in spans[1:]:
        if span.start > whole.stop:
            return None
        whole = range(whole.start, max(whole.stop, span.stop))
    return whole


def _span(text: bytes, size: int) -> range | None:
    """Read one range; empty when the file has nothing of it, None when it is malformed."""
    match = _SPEC.fullmatch(text)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - _number(last)), size) if last else None
    if last and _number(last) < _number(first):
        return None
    return range(min(_number(first), size), min(_number(last) + 1, size) if last else size)


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _DIGITS else 10**_DIGITS
