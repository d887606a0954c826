"""The tables of raw requests, fed to the parser: the whole, and byte by byte."""

from collections.abc import Callable, Iterable

import pytest

from hybrid.server.limits import Limits
from tests.conformance.rfc9112 import AFTER, ROWS, Accepted, Incomplete, Refused, Row
from tests.support.requests import Parsed, Seen, bytewise, parse

#: As the settings have them.
LIMITS = Limits(request_body=1 << 30)

accepted = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Accepted)], ids=str)
refused = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Refused)], ids=str)
incomplete = pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.expected, Incomplete)], ids=str)


def check_accepted(row: Row, parsed: Parsed) -> None:
    """See that the request is the one expected, and that the one after it follows if it should."""
    assert isinstance(row.expected, Accepted)
    check_seen(row.expected, parsed.requests[0])
    if not row.expected.closes:
        assert parsed.refused is None
        assert [after.target for after in parsed.requests[1:]] == [b"/after"]
        assert not parsed.unread


def check_seen(expected: Accepted, seen: Seen) -> None:
    """Compare a request with what is expected of it."""
    assert (seen.method, seen.target, seen.body) == (expected.method, expected.target, expected.body)
    assert seen.version == expected.version
    assert seen.keep_alive is not expected.closes
    for name, values in expected.wanted().items():
        assert [v for n, v in seen.headers if n == name] == values


def check_refused(row: Row, pieces: Iterable[bytes]) -> None:
    """See that nothing comes out that is wrong, or one request when what follows it is."""
    assert isinstance(row.expected, Refused)
    parsed = parse(pieces, LIMITS)
    assert parsed.refused == row.expected.status
    assert parsed.started == row.expected.in_body
    assert all(seen.target != b"/after" for seen in parsed.requests)


@accepted
def test_accepted_whole(row: Row) -> None:
    """What is right comes out as it should, and so does the request after it."""
    check_accepted(row, parse([row.data + AFTER], LIMITS))


@accepted
def test_accepted_byte_by_byte(row: Row) -> None:
    """It does not matter in which pieces the bytes come."""
    check_accepted(row, parse(bytewise(row.data + AFTER), LIMITS))


@refused
def test_refused_whole(row: Row) -> None:
    """What is wrong is refused with its status, and nothing after it comes out."""
    check_refused(row, [row.data + AFTER])


@refused
def test_refused_byte_by_byte(row: Row) -> None:
    """It is refused with the same status in whatever pieces it comes."""
    check_refused(row, bytewise(row.data + AFTER))


@incomplete
@pytest.mark.parametrize("way", [lambda data: [data], bytewise], ids=["whole", "byte by byte"])
def test_incomplete(row: Row, way: Callable[[bytes], Iterable[bytes]]) -> None:
    """What has not come to its end is neither a request nor refused."""
    assert isinstance(row.expected, Incomplete)
    parsed = parse(way(row.data))
    assert (parsed.requests, parsed.refused) == ([], None)
    assert parsed.started == row.expected.in_body


def test_every_row_has_a_name_of_its_own() -> None:
    """Each row of the tables can be told from the others."""
    assert len({str(row) for row in ROWS}) == len(ROWS)
