"""The table of raw requests, fed to the parser: the whole, and byte by byte."""

from collections.abc import Iterable

import pytest

from tests.conformance.rfc9112 import AFTER, ROWS, Accepted, Refused, Row
from tests.support.requests import Parsed, Seen, bytewise, parse

accepted = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Accepted)], ids=str)
refused = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Refused)], ids=str)


def check_accepted(row: Row, parsed: Parsed) -> None:
    """See that the request is the one expected, and that the one after it follows."""
    assert isinstance(row.expected, Accepted)
    assert parsed.refused is None
    request, after = parsed.requests
    check_seen(row.expected, request)
    assert after.target == b"/after"
    assert not parsed.unread


def check_seen(expected: Accepted, seen: Seen) -> None:
    """Compare a request with what is expected of it."""
    assert (seen.method, seen.target, seen.body) == (expected.method, expected.target, expected.body)
    assert seen.version == expected.version
    for name, value in expected.headers:
        assert [v for n, v in seen.headers if n == name] == ([] if value is None else [value])


def check_refused(row: Row, pieces: Iterable[bytes]) -> None:
    """See that nothing comes out, or one head when only the body is at fault."""
    assert isinstance(row.expected, Refused)
    parsed = parse(pieces)
    assert parsed.refused == row.expected.status
    assert not parsed.requests
    assert parsed.started == row.expected.in_body


@accepted
def test_accepted_whole(row: Row) -> None:
    """What is right comes out as it should, and so does the request after it."""
    check_accepted(row, parse([row.data + AFTER]))


@accepted
def test_accepted_byte_by_byte(row: Row) -> None:
    """It does not matter in which pieces the bytes come."""
    check_accepted(row, parse(bytewise(row.data + AFTER)))


@refused
def test_refused_whole(row: Row) -> None:
    """What is wrong is refused with its status, and nothing after it comes out."""
    check_refused(row, [row.data + AFTER])


@refused
def test_refused_byte_by_byte(row: Row) -> None:
    """It is refused with the same status in whatever pieces it comes."""
    check_refused(row, bytewise(row.data + AFTER))


def test_every_row_has_a_name_of_its_own() -> None:
    """Each row of the table can be told from the others."""
    assert len({str(row) for row in ROWS}) == len(ROWS)
