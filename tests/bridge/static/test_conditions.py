"""Conditional requests, in the order of RFC 9110 section 13.2.2."""

import pytest

from hybrid.bridge.static.conditions import Verdict, allows_range, judge

TAG = b'"1a-2b"'
MODIFIED = 784111777
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
LATER = b"Sun, 06 Nov 1994 08:49:38 GMT"
EARLIER = b"Sun, 06 Nov 1994 08:49:36 GMT"

SEND, NOT_MODIFIED, FAILED = Verdict.SEND, Verdict.NOT_MODIFIED, Verdict.FAILED


def verdict(**asked: bytes) -> Verdict:
    """Judge fields, written with underscores."""
    fields = {name.replace("_", "-").encode(): value for name, value in asked.items()}
    return judge(fields, TAG, MODIFIED)


def test_no_condition() -> None:
    """Whoever asks for nothing gets it."""
    assert verdict() is SEND


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TAG, NOT_MODIFIED),
        (b"W/" + TAG, NOT_MODIFIED),
        (b"*", NOT_MODIFIED),
        (b'"x", ' + TAG, NOT_MODIFIED),
        (b'"x",W/' + TAG + b', "y"', NOT_MODIFIED),
        (b'"a,b", ' + TAG, NOT_MODIFIED),
        (b'"1a-2b-gzip"', SEND),
        (b"1a-2b", SEND),
        (b'"x"', SEND),
        (b"", SEND),
        (b'"', SEND),
        (b'"*"', SEND),
    ],
)
def test_if_none_match(value: bytes, expected: Verdict) -> None:
    """Weakly compared (section 13.1.2)."""
    assert verdict(if_none_match=value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TAG, SEND),
        (b"*", SEND),
        (b'"x", ' + TAG, SEND),
        (b"W/" + TAG, FAILED),
        (b'"x"', FAILED),
        (b"", FAILED),
    ],
)
def test_if_match(value: bytes, expected: Verdict) -> None:
    """Strongly compared (section 13.1.1)."""
    assert verdict(if_match=value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (DATE, NOT_MODIFIED),
        (LATER, NOT_MODIFIED),
        (EARLIER, SEND),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", NOT_MODIFIED),
        (b"Sun Nov  6 08:49:37 1994", NOT_MODIFIED),
        (b"Sun Nov  6 08:49:36 1994", SEND),
        (b"yesterday", SEND),
        (b"", SEND),
        (b"0", SEND),
        (b"Sun, 99 Nov 1994 08:49:37 GMT", SEND),
        (b"Sun, 06 Nov 999999999999 08:49:37 GMT", SEND),
        (b"\xff\xfe", SEND),
    ],
)
def test_if_modified_since(value: bytes, expected: Verdict) -> None:
    """In each of the three forms of a date; what is none is ignored (section 13.1.3)."""
    assert verdict(if_modified_since=value) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(DATE, SEND), (LATER, SEND), (EARLIER, FAILED), (b"x", SEND)]
)
def test_if_unmodified_since(value: bytes, expected: Verdict) -> None:
    """A date that is none is ignored (section 13.1.4)."""
    assert verdict(if_unmodified_since=value) is expected


def test_precedence() -> None:
    """Tags go before dates, and what must hold before what spares a transfer."""
    assert verdict(if_match=TAG, if_unmodified_since=EARLIER) is SEND
    assert verdict(if_match=b'"x"', if_none_match=TAG) is FAILED
    assert verdict(if_match=TAG, if_none_match=TAG) is NOT_MODIFIED
    assert verdict(if_unmodified_since=EARLIER, if_none_match=TAG) is FAILED
    # After a rollback: the date alone would say that nothing has changed.
    assert verdict(if_none_match=b'"x"', if_modified_since=LATER) is SEND


def test_unknown_time() -> None:
    """Dates say nothing of a file whose own is unknown."""
    assert judge({b"if-modified-since": LATER}, TAG, None) is SEND
    assert judge({b"if-unmodified-since": EARLIER}, TAG, None) is SEND


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        (None, True),
        (TAG, True),
        (b'"x"', False),
        (b"W/" + TAG, False),
        (DATE, True),
        (LATER, False),
        (EARLIER, False),
        (b"x", False),
        (b"*", False),
        (b"", False),
    ],
)
def test_if_range(condition: bytes | None, allowed: bool) -> None:
    """The very tag, or the very date (section 13.1.5)."""
    assert allows_range(condition, TAG, MODIFIED) is allowed


def test_if_range_of_unknown_time() -> None:
    """No date is the very one then."""
    assert not allows_range(DATE, TAG, None)
