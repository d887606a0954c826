"""Dictionaries of header fields."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.dictionary import Value, read_dictionary


@pytest.mark.parametrize(
    ("field", "members"),
    [
        (b"", {}),
        (b"   ", {}),
        (b"a=1", {b"a": 1}),
        (b"a=-0012", {b"a": -12}),
        (b"a=999999999999999", {b"a": 999999999999999}),
        (b"a", {b"a": True}),
        (b"a=?1,b=?0", {b"a": True, b"b": False}),
        (b"a=1, b=2 ,\tc", {b"a": 1, b"b": 2, b"c": True}),
        (b"a=1, a=2", {b"a": 2}),
        (b"  *a_-.*9=3  ", {b"*a_-.*9": 3}),
        # Section 3.2 of the RFC has these two.
        (b'en="Applepie", da=:w4ZibGV0w6ZydGU=:', {b"en": None, b"da": None}),
        (b"a=?0, b, c; foo=bar", {b"a": False, b"b": True, b"c": True}),
        (b"rating=1.5, feelings=(joy sadness)", {b"rating": None, b"feelings": None}),
        (b"a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", {b"a": None, b"b": 3, b"c": 4, b"d": None}),
        (b'a=( "x"   y;z=1 );q, b=()', {b"a": None, b"b": None}),
        (rb'a="quoted \" and \\ , b=1", c=2', {b"a": None, b"c": 2}),
        (b'a=@1659578233, b=%"f%c3%bc", c=*t/o:k', {b"a": None, b"b": None, b"c": None}),
        (b"a=1;b;  c=2.5;d=?0, e=5", {b"a": 1, b"e": 5}),
    ],
)
def test_a_dictionary_is_read(field: bytes, members: dict[bytes, Value]) -> None:
    """Integers and booleans are told; everything else that may stand in a dictionary is passed over."""
    found = read_dictionary(field)

    assert found == members
    assert [type(value) for value in found.values()] == [type(value) for value in members.values()]


@pytest.mark.parametrize(
    "field",
    [
        b",",
        b"a=1,",
        b"a=1, ,b=2",
        b"a=1 b=2",
        b"a=1;",
        b"a=1;B=2",
        b"a=",
        b"a =1",
        b"A=1",
        b"1",
        b"=1",
        b"a=1000000000000000",
        b"a=1.",
        b"a=1.2345",
        b"a=1.2.3",
        b"a=--1",
        b"a=?2",
        b"a=?",
        b'a="open',
        b'a="\xc3\xbc"',
        b'a="\\n"',
        b"a=:not closed",
        b"a=(1 2",
        b"a=(1;",
        b'a=("x""y")',
        b"a=(1(2))",
        b"a=(1,2)",
        b"\ta=1",
        b"a=1\x00",
        b"a=1\r\n",
        b"\xff",
    ],
)
def test_what_is_no_dictionary_counts_for_nothing(field: bytes) -> None:
    """A field with one mistake is refused whole (section 4.2)."""
    with pytest.raises(ValueError, match=r"where one must be|between"):
        read_dictionary(field)


@given(st.one_of(st.binary(max_size=200), st.text('ui=?01;, ()"\\%:a.-@*\t', max_size=60).map(str.encode)))
def test_any_bytes_are_read_or_refused(field: bytes) -> None:
    """Nothing but a dictionary or a ValueError comes of any bytes."""
    try:
        members = read_dictionary(field)
    except ValueError:
        return
    assert all(value is None or isinstance(value, int) for value in members.values())


ITEMS: dict[str, Callable[[str], Value]] = {  # how a value may look, and what it then is
    "-?[0-9]{1,15}": int,
    r"\?[01]": "?1".__eq__,
    r"[a-z*][a-z0-9!#/:]{0,8}|[0-9]{1,12}\.[0-9]{1,3}|\"[ !a-z,;=()]*\"|:[a-zA-Z0-9]*=?:": lambda _: None,
}


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, dict[bytes, Value]]:
    """Write members in one of the ways that are allowed; give the field and what it means."""
    field: list[str] = []
    members: dict[bytes, Value] = {}
    for key in draw(st.lists(st.from_regex(r"[a-z*][a-z0-9_.*-]{0,5}", fullmatch=True), max_size=6)):
        pattern = draw(st.sampled_from(list(ITEMS)))
        item = draw(st.from_regex(pattern, fullmatch=True))
        parameters = draw(st.sampled_from(["", ";p", "; p=1;q=?0", ';p="a, b"']))
        field.append(f"{key}={item}{parameters}")
        members[key.encode()] = ITEMS[pattern](item)
    return draw(st.sampled_from([",", ", ", "\t ,  "])).join(field).encode(), members


@given(written())
def test_what_is_written_is_read(case: tuple[bytes, dict[bytes, Value]]) -> None:
    """Members come back with their values, whatever stands between and behind them."""
    field, members = case

    assert read_dictionary(field) == members


@pytest.mark.parametrize(
    "field",
    [
        b"a=(" + b" " * 60000,
        b"a=" + b"1;a=" * 15000,
        b"a" + b" " * 60000 + b"b",
        b'a="' + b"\\\\" * 30000,
        b"a=(" + b"x " * 30000,
    ],
    ids=["spaces in a list", "parameters", "spaces", "escapes", "items"],
)
def test_long_fields_take_no_longer_than_their_length(field: bytes) -> None:
    """A mistake at the end of 60,000 bytes is found; if all were read again and again, this would not end."""
    with pytest.raises(ValueError, match=r"where one must be|between"):
        read_dictionary(field)
