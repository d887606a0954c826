"""What is said on a control socket: what is a line, a request, an answer, and what is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.ops.control.lines import (
    MAX_ANSWER,
    MAX_REQUEST,
    Code,
    LineReader,
    Refused,
    read_answer,
    read_request,
    write_answer,
    write_error,
    write_request,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TABLES = st.dictionaries(st.text(), JSON, max_size=4)


def in_pieces(data: bytes, size: int, limit: int = MAX_REQUEST) -> bytes | None:
    """Feed a stream that ends in pieces of a size, and return the line."""
    reader = LineReader(limit)
    for start in range(0, len(data), size):
        if (line := reader.feed(data[start : start + size])) is not None:
            return line
    return reader.feed(b"")


@given(st.text(), TABLES, st.integers(1, 50))
def test_a_request_comes_over(command: str, arguments: dict[str, Any], size: int) -> None:
    """Any command and arguments are one line, however that is cut into pieces."""
    line = in_pieces(write_request(command, arguments), size)
    assert line is not None
    assert read_request(line) == (command, arguments)


@given(TABLES)
def test_an_answer_comes_over(answer: dict[str, Any]) -> None:
    """Any answer is one line."""
    line = write_answer(answer)
    assert line.count(b"\n") == 1
    assert read_answer(line[:-1]) == answer


def test_an_error_comes_over() -> None:
    """It is raised where the answer is read, with its code; one that is far too long is cut."""
    with pytest.raises(Refused, match="not today") as caught:
        read_answer(write_error(Refused("not today", Code.FAILED)))
    assert caught.value.code == Code.FAILED
    assert len(write_error(Refused("x" * 100_000))) < 5000


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_a_request(data: bytes) -> None:
    """Whatever comes, there is either a request or a refusal: nothing else is raised."""
    try:
        line = in_pieces(data, 7)
        assert line is not None
        request = read_request(line)
    except (Refused, EOFError):
        return
    assert isinstance(request.command, str)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        '"lanes.show"',
        "{}",
        '{"command": 1}',
        '{"command": null, "arguments": {}}',
        '{"command": "a", "arguments": []}',
        '{"command": "a", "arguments": null}',
        '{"command": "a", "more": 1}',
        '{"command": "a", "command": "b"}',
        '{"command": "a", "arguments": {"x": 1, "x": 2}}',
        '{"command": "a", "arguments": {"x": NaN}}',
        '{"command": "a", "arguments": {"x": -Infinity}}',
        '{"command": "a"} {"command": "b"}',
        "{'command': 'a'}",
        '{"command": "a", "arguments": {"x": ' + "[" * 100_000 + "}}",
        '{"command": "a", "arguments": {"x": ' + "9" * 5000 + "}}",
        '\ufeff{"command": "a"}',
    ],
    ids=range(19),
)
def test_what_is_no_request(line: str) -> None:
    """Names are said once, numbers are numbers, and there is nothing else."""
    with pytest.raises(Refused) as caught:
        read_request(line.encode())
    assert caught.value.code == Code.MALFORMED


def test_bytes_that_are_no_utf_8() -> None:
    """JSON is UTF-8 (RFC 8259 section 8.1)."""
    with pytest.raises(Refused, match="not JSON"):
        read_request(b'{"command": "\xff"}')


def test_arguments_may_be_left_out() -> None:
    """There are none then."""
    assert read_request(b'{"command": "a"}') == ("a", {})


@pytest.mark.parametrize("line", ["{}", '{"answer": 1}', '{"error": 1}', "1", "x"])
def test_what_is_no_answer(line: str) -> None:
    """It is refused too."""
    with pytest.raises(Refused) as caught:
        read_answer(line.encode())
    assert caught.value.code == Code.MALFORMED


def test_a_line_has_a_limit() -> None:
    """The newline counts, and what is too long is known before it is complete."""
    assert in_pieces(b"x" * 9 + b"\n", 3, limit=10) == b"x" * 9
    for data in (b"x" * 10 + b"\n", b"x" * 11):
        with pytest.raises(Refused, match="at most 10 bytes"):
            in_pieces(data, 3, limit=10)
    with pytest.raises(Refused, match="more than"):
        write_request("a", {"x": "x" * MAX_REQUEST})
    with pytest.raises(Refused, match="more than"):
        write_answer({"x": "x" * MAX_ANSWER})


def test_half_a_line_and_two_are_none() -> None:
    """A client that leaves in the middle has asked nothing, nor one that says two things."""
    with pytest.raises(Refused, match="newline"):
        in_pieces(b'{"command": "a"}', 4)
    with pytest.raises(Refused, match="follows"):
        in_pieces(b'{"command": "a"}\n{', 400)
    with pytest.raises(EOFError):
        in_pieces(b"", 1)


def test_json_reads_what_is_written() -> None:
    """Other programs need no more than a parser of JSON."""
    assert json.loads(write_request("a", {"x": "é\n"})) == {"command": "a", "arguments": {"x": "é\n"}}
    assert write_request("a", {"x": "é\n"}).isascii()
