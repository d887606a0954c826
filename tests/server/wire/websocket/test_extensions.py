"""What a client offers with Sec-WebSocket-Extensions (RFC 6455 section 9.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_extension

from hybrid.server.wire.websocket.extensions import Extension, read_extensions

#: What stands in the header, and what it says.
LISTS = [
    (b"foo", [("foo", ())]),
    (b"foo, bar", [("foo", ()), ("bar", ())]),
    (b" , foo ,,\tbar, ", [("foo", ()), ("bar", ())]),
    (b"foo; x; y=10", [("foo", (("x", None), ("y", "10")))]),
    (b"foo;x;y=10 , foo ; x = 8", [("foo", (("x", None), ("y", "10"))), ("foo", (("x", "8"),))]),
    (b'foo; x="10"', [("foo", (("x", "10"),))]),
    (b'foo; x="1\\0"', [("foo", (("x", "10"),))]),
    (b"foo; x=1; x=2", [("foo", (("x", "1"), ("x", "2")))]),
    (b"Foo; X", [("Foo", (("X", None),))]),
]

MALFORMED = [
    b"", b" ", b",", b"foo;", b"foo;,bar", b"foo; x=", b"foo; =1", b"; x", b"foo bar", b"foo; x y", b"foo=1",
    b'foo; x="', b'foo; x=""', b'foo; x="a b"', b'foo; x="a,b"', b'foo; x="a\\', b'foo; x="a"b', b'"foo"',
    b"foo; x=1=2", b"foo/1", b"foo; x=\xe9", b"f\x00o", b"foo\r\n", b"foo; x=1 2", b"foo, ;x",
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), LISTS)
def test_lists(value: bytes, expected: list[Extension]) -> None:
    """Extensions come in the client's order, with their parameters; empty members are none."""
    assert read_extensions([value]) == tuple(expected)


@pytest.mark.parametrize("value", MALFORMED)
def test_malformed(value: bytes) -> None:
    """What is not such a list is refused as a whole, whatever else is in it."""
    for values in ([value], [b"good, ", value + b'"']):
        with pytest.raises(ValueError, match="not a list"):
            read_extensions(values)


def test_none() -> None:
    """Without the header nothing is offered."""
    assert read_extensions([]) == ()


def test_several_lines() -> None:
    """Several lines are one list."""
    assert read_extensions([b"a; x", b"", b"b"]) == (Extension("a", (("x", None),)), Extension("b", ()))


@given(
    st.lists(st.sampled_from(["foo", "a-b", ";", "=", ",", '"', "\\", " ", "\t", "10", "é", "x"])).map(
        "".join
    )
)
def test_as_websockets_reads_it(value: str) -> None:
    """What we take, `websockets` takes too, and it says the same; what we refuse it refuses."""
    value = value.strip(" \t")
    try:
        expected = parse_extension(value)
    except InvalidHeader:
        expected = None
    try:
        found = [(name, list(parameters)) for name, parameters in read_extensions([value.encode("latin-1")])]
    except ValueError:
        found = None
    assert found == expected
