"""Which encoding a client gets (RFC 9110 section 12.5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.static.codings import IDENTITY, choose_coding

SIZES = {b"br": 10, b"zstd": 12, b"gzip": 15}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, IDENTITY),
        ("", IDENTITY),
        ("gzip", b"gzip"),
        ("GZIP", b"gzip"),
        ("x-gzip", b"gzip"),
        ("gzip, deflate, br, zstd", b"br"),
        ("gzip;q=1.0, br;q=0.9", b"gzip"),
        ("gzip; q=0.5 , zstd ;q=0.500", b"zstd"),
        ("gzip;q=0", IDENTITY),
        ("gzip;q=0.000, *", b"br"),
        ("br;q=0, *", b"zstd"),
        ("*", b"br"),
        ("*;q=0", IDENTITY),
        ("identity", IDENTITY),
        ("identity;q=1, *;q=0", IDENTITY),
        ("identity;q=0.5, gzip;q=0.2", IDENTITY),
        ("identity;q=0.5, gzip;q=0.5", b"gzip"),
        ("identity;q=0", IDENTITY),
        ("identity;q=0, gzip", b"gzip"),
        ("deflate", IDENTITY),
        ("gzipped", IDENTITY),
        ("gzip;q=2", IDENTITY),
        ("gzip;q=", IDENTITY),
        ("gzip;q=0.1234", IDENTITY),
        ("gzip;level=9", IDENTITY),
        (",, gzip ,", b"gzip"),
        ("gzip br", IDENTITY),
    ],
)
def test_choice(accepted: str | None, coding: bytes) -> None:
    """The best by weight, then the smallest; what is malformed is not wanted."""
    assert choose_coding(None if accepted is None else accepted.encode(), SIZES) == coding


def test_smallest() -> None:
    """Of those that are liked alike, the one with the fewest bytes."""
    assert choose_coding(b"gzip, br", {b"br": 20, b"gzip": 19}) == b"gzip"


def test_none_there() -> None:
    """Without encoded files there is no choice."""
    assert choose_coding(b"gzip", {}) == IDENTITY


@given(st.binary(max_size=60))
def test_any_bytes(accepted: bytes) -> None:
    """Whatever a client sends, it gets one of those that there are."""
    assert choose_coding(accepted, SIZES) in {*SIZES, IDENTITY}
