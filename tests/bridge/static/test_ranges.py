"""Ranges (RFC 9110 section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.static.ranges import select_range

UNSATISFIABLE = range(0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-9", range(10)),
        ("bytes=0-0", range(1)),
        ("bytes=99-99", range(99, 100)),
        ("bytes=0-", range(100)),
        ("bytes=99-", range(99, 100)),
        ("bytes=90-1000", range(90, 100)),
        ("bytes=-1", range(99, 100)),
        ("bytes=-100", range(100)),
        ("bytes=-1000", range(100)),
        ("Bytes=0-9", range(10)),
        ("bytes= 0-9 , ", None),
        ("bytes=000-009", range(10)),
        ("bytes=0-" + "9" * 5000, range(100)),
        ("bytes=-" + "9" * 5000, range(100)),
    ],
)
def test_one(value: str, expected: range | None) -> None:
    """First and last position count, or how many at the end."""
    assert select_range(value.encode(), 100) == expected


@pytest.mark.parametrize(
    "value", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 5000 + "-", "bytes=100-,-0"]
)
def test_nothing(value: str) -> None:
    """What the file does not have is a 416."""
    assert select_range(value.encode(), 100) == UNSATISFIABLE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-0",
        "bytes=a-b",
        "bytes=0-9,x",
        "bytes=0-9,9-0",
        "bytes=0 - 9",
        "bytes=+0-9",
        "bytes=0-9-",
        "bytes=\u0661-9",
        "items=0-9",
        "0-9",
        "bytes:0-9",
    ],
)
def test_no_sense(value: str) -> None:
    """What is malformed, or in another unit, is answered with the whole."""
    assert select_range(value.encode(), 100) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-9,10-19", range(20)),
        ("bytes=10-19, 0-9", range(20)),
        ("bytes=0-9,5-14", range(15)),
        ("bytes=0-99,5-9", range(100)),
        ("bytes=0-9,200-", range(10)),
        ("bytes=90-,-20", range(80, 100)),
        ("bytes=0-8,10-19", None),
        ("bytes=0-0,-1", None),
        ("bytes=" + ",".join(["0-"] * 32), range(100)),
        ("bytes=" + ",".join(["0-"] * 33), None),
    ],
)
def test_several(value: str, expected: range | None) -> None:
    """Those that together are one are one; otherwise, and when there are many, it is the whole."""
    assert select_range(value.encode(), 100) == expected


@pytest.mark.parametrize(("value", "expected"), [("bytes=0-", None), ("bytes=-5", None), ("bytes=x", None)])
def test_empty_file(value: str, expected: range | None) -> None:
    """Of nothing, nothing can be a part: the whole is sent."""
    assert select_range(value.encode(), 0) == expected


NUMBER = st.integers(0, 30) | st.none()
SPEC = st.tuples(NUMBER, NUMBER)


def model(specs: list[tuple[int | None, int | None]], size: int) -> range | None:
    """Say the same by listing positions one by one."""
    wanted: set[int] = set()
    for first, last in specs:
        if first is None and last is None:
            return None
        if first is None:
            assert last is not None
            wanted |= set(range(size)[-last:]) if last else set()
        elif last is not None and last < first:
            return None
        else:
            wanted |= {each for each in range(size) if first <= each and (last is None or each <= last)}
    if not wanted:
        return UNSATISFIABLE if size else None
    whole = range(min(wanted), max(wanted) + 1)
    return whole if set(whole) == wanted else None


@given(st.lists(SPEC, min_size=1, max_size=5), st.integers(0, 25))
def test_model(specs: list[tuple[int | None, int | None]], size: int) -> None:
    """The same as by a model that knows every position."""
    texts = ["-".join("" if each is None else str(each) for each in spec) for spec in specs]
    assert select_range(f"bytes={','.join(texts)}".encode(), size) == model(specs, size)


@given(st.binary(max_size=40), st.integers(0, 100))
def test_any_bytes(value: bytes, size: int) -> None:
    """Nothing that a client sends raises, or leads beyond the file."""
    for each in (value, b"bytes=" + value):
        part = select_range(each, size)
        assert part is None or (0 <= part.start <= part.stop <= size)
