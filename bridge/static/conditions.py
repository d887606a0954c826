"""What a client asks to be sent only if (RFC 9110 section 13), without any I/O."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Final

_ENTITY_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class Verdict(Enum):
    """What becomes of a request for something that is there."""

    SEND = 200
    NOT_MODIFIED = 304
    FAILED = 412


SEND: Final = Verdict.SEND


def judge(asked: Mapping[bytes, bytes], etag: bytes, modified: int | None) -> Verdict:
    """Evaluate the conditions of a GET or HEAD in the order of RFC 9110 section 13.2.2, but for If-Range.

    Args:
        asked: the fields by their names in lower case; several lines of one joined by commas.
        etag: the strong entity tag of what would be sent, with its quotes.
        modified: when that was modified last, in seconds since 1970; None where nobody knows.
    """
    wanted = asked.get(b"if-match")
    if wanted is not None:
        if not _names(wanted, etag, weakly=False):
            return Verdict.FAILED
    elif modified is not None and (since := _date_in(asked, b"if-unmodified-since")) is not None:
        if modified > since:
            return Verdict.FAILED
    had = asked.get(b"if-none-match")
    if had is not None:
        return Verdict.NOT_MODIFIED if _names(had, etag, weakly=True) else SEND
    if modified is not None and (since := _date_in(asked, b"if-modified-since")) is not None:
        return Verdict.NOT_MODIFIED if modified <= since else SEND
    return SEND


def allows_range(condition: bytes | None, etag: bytes, modified: int | None) -> bool:
    """Tell whether a range may be sent, by If-Range (RFC 9110 section 13.1.5): whether what the client has a
    part of is what is here. A date must be the very one, and a weak tag never will.
    """
    if condition is None or condition == etag:
        return True
    if condition.endswith(b'"') or modified is None:
        return False
    return _http_date(condition) == modified


def _names(value: bytes, etag: bytes, *, weakly: bool) -> bool:
    """Tell whether a list of tags has this one, or is ``*``: anything that is there."""
    if value == etag or value.strip() == b"*":
        return True
    return any(
        match[1] == etag and (weakly or not match[0].startswith(b"W/"))
        for match in _ENTITY_TAG.finditer(value)
    )


def _date_in(asked: Mapping[bytes, bytes], name: bytes) -> int | None:
    value = asked.get(name)
    return None if value is None else _http_date(value)


@lru_cache(
    maxsize=256
)  # reading one takes longer than all else here, and clients send back what they were sent
def _http_date(value: bytes) -> int | None:
    """Read a date in any of the forms of RFC 9110 section 5.6.7; None for what is none, to be ignored."""
    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
        # Without a zone, as in asctime's form, it is UTC.
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, IndexError):
        return None
