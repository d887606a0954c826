"""What applications send that is wrong, as a table, and an ASGI application that sends it.

Each play breaks one rule; `/NAME` has the application send its messages, and let the error through.
`/told?NAME` has it catch the error, and answer with what it says where a response is still possible.
"""

from enum import Enum
from typing import Any, NamedTuple

from hybrid.bridge.types import Message, Receive, Scope, Send


class Seen(Enum):
    """What the client sees of a play."""

    ERROR = "500 in place of what was sent"
    CUT = "a response whose end is missing"
    WHOLE = "the whole response"


class Play(NamedTuple):
    """A broken rule.

    Attributes:
        messages: what is sent, one after the other; the last one is refused.
        seen: what becomes of the response.
        complaint: what the error says.
    """

    messages: tuple[Any, ...]
    seen: Seen
    complaint: str


def start(**keys: Any) -> Message:
    """Write the start of a response."""
    return {"type": "http.response.start", "status": 200, **keys}


def fields(*pairs: Any) -> Message:
    """Write the start of a response with header fields."""
    return start(headers=pairs)


def body(*parts: Any, **keys: Any) -> Message:
    """Write a part of a body."""
    return {"type": "http.response.body", **({"body": parts[0]} if parts else {}), **keys}


def before_the_start(complaint: str, *messages: Any) -> Play:
    """Break a rule when no part of a response can have been sent."""
    return Play(messages, Seen.ERROR, complaint)


def in_the_middle(complaint: str, *messages: Any) -> Play:
    """Break a rule when a part of the body has been sent."""
    return Play(messages, Seen.CUT, complaint)


def after_the_end(complaint: str, message: Any) -> Play:
    """Break a rule when the response is complete."""
    return Play((start(), body(b"all"), message), Seen.WHOLE, complaint)


_PART = body(b"part", more_body=True)

#: ASGI specification, "Events" and "Error Handling": what is no message, and types that do not exist.
NO_MESSAGES = {
    "none": before_the_start("None is no ASGI message: it must be a dict", None),
    "list": before_the_start("[] is no ASGI message: it must be a dict", []),
    "text": before_the_start("'http' is no ASGI message: it must be a dict", "http"),
    "no_type": before_the_start("{'status': 200} is no ASGI message: its type is missing", {"status": 200}),
    "bytes_type": before_the_start("its type must be a str", {"type": b"http.response.start"}),
    "unknown_type": before_the_start(
        "'http.response.x' was sent, but http.response.start is due", {"type": "http.response.x"}
    ),
    "other_protocol": before_the_start(
        "'websocket.accept' was sent, but http.response.start is due", {"type": "websocket.accept"}
    ),
    "received_type": before_the_start(
        "'http.request' was sent, but http.response.body is due", start(), {"type": "http.request"}
    ),
}

#: HTTP format, "Response Start" and "Response Body": what follows on what.
ORDER = {
    "body_first": before_the_start(
        "'http.response.body' was sent, but http.response.start is due", body(b"a")
    ),
    "start_twice": before_the_start(
        "'http.response.start' was sent, but http.response.body is due", start(), start()
    ),
    "start_in_the_middle": in_the_middle(
        "'http.response.start' was sent, but http.response.body is due", start(), _PART, start()
    ),
    "start_after_the_end": after_the_end(
        "'http.response.start' was sent, but the response is complete", start()
    ),
    "body_after_the_end": after_the_end(
        "'http.response.body' was sent, but the response is complete", body(b"more")
    ),
    "unknown_after_the_end": after_the_end("'x' was sent, but the response is complete", {"type": "x"}),
    "no_type_after_the_end": after_the_end("{} is no ASGI message: its type is missing", {}),
}

_STATUS = "response status {} is not a number from 200 to 599"
_PAIRS = "http.response.start: headers must be an iterable of pairs of bytes, not "
_BYTES = "http.response.start: header name and value must be bytes, not "
_NAME = "http.response.start: invalid header name "
_VALUE = "http.response.start: invalid character in the value of header b'a'"
_LENGTH = "http.response.start: invalid or repeated Content-Length "

#: HTTP format, "Response Start": the keys and their types.
START = {
    "no_status": before_the_start(
        "http.response.start: status is missing", {"type": "http.response.start", "headers": []}
    ),
    "status_none": before_the_start(_STATUS.format("None"), start(status=None)),
    "status_text": before_the_start(_STATUS.format("'200'"), start(status="200")),
    "status_line": before_the_start(_STATUS.format("'200 OK'"), start(status="200 OK")),
    "status_bool": before_the_start(_STATUS.format("True"), start(status=True)),
    "status_float": before_the_start(_STATUS.format("200.0"), start(status=200.0)),
    "status_list": before_the_start("status must be an int, not []", start(status=[])),
    "status_0": before_the_start(_STATUS.format("0"), start(status=0)),
    "status_100": before_the_start(_STATUS.format("100"), start(status=100)),
    "status_101": before_the_start(_STATUS.format("101"), start(status=101)),
    "status_103": before_the_start(_STATUS.format("103"), start(status=103)),
    "status_600": before_the_start(_STATUS.format("600"), start(status=600)),
    "status_1000": before_the_start(_STATUS.format("1000"), start(status=1000)),
    "headers_none": before_the_start(_PAIRS + "None", start(headers=None)),
    "headers_int": before_the_start(_PAIRS + "5", start(headers=5)),
    "headers_bytes": before_the_start(_PAIRS + "b'a: b'", start(headers=b"a: b")),
    "headers_text": before_the_start(_PAIRS + "'ab'", start(headers="ab")),
    "headers_dict": before_the_start(_PAIRS + "{b'ab': b'c'}", start(headers={b"ab": b"c"})),
    "field_none": before_the_start(_PAIRS + "of None", fields(None)),
    "field_line": before_the_start(_PAIRS + "of b'a: b'", fields((b"x", b"y"), b"a: b")),
    "field_single": before_the_start(_PAIRS + "of (b'a',)", fields((b"a",))),
    "field_triple": before_the_start(_PAIRS + "of (b'a', b'b', b'c')", fields((b"a", b"b", b"c"))),
    "name_text": before_the_start(_BYTES + "'a': b'b'", fields(("a", b"b"))),
    "name_none": before_the_start(_BYTES + "None: b'b'", fields((None, b"b"))),
    "value_text": before_the_start(_BYTES + "b'a': 'b'", fields((b"a", "b"))),
    "value_int": before_the_start(_BYTES + "b'a': 5", fields((b"a", 5))),
    "value_none": before_the_start(_BYTES + "b'a': None", fields((b"a", None))),
    "value_bytearray": before_the_start(_BYTES + "b'a': bytearray(b'b')", fields((b"a", bytearray(b"b")))),
    "length_int": before_the_start(
        "pairs of bytes, not of (b'content-length', 5)", fields((b"content-length", 5))
    ),
    "name_empty": before_the_start(_NAME + "b''", fields((b"", b"evil"))),
    "name_space": before_the_start(_NAME + "b'a b'", fields((b"a b", b"evil"))),
    "name_colon": before_the_start(_NAME + "b'a:'", fields((b"a:", b"evil"))),
    "name_lines": before_the_start(_NAME + "b'a: b\\r\\nc'", fields((b"a: b\r\nc", b"evil"))),
    "name_latin": before_the_start(_NAME + "b'\\xe9'", fields((b"\xe9", b"evil"))),
    "name_pseudo": before_the_start(_NAME + "b':status'", fields((b":status", b"evil"))),
    "value_crlf": before_the_start(_VALUE, fields((b"a", b"b\r\nset-cookie: evil"))),
    "value_lf": before_the_start(_VALUE, fields((b"a", b"b\nset-cookie: evil"))),
    "value_cr": before_the_start(_VALUE, fields((b"a", b"b\rset-cookie: evil"))),
    "value_nul": before_the_start(_VALUE, fields((b"a", b"evil\0"))),
    "value_delete": before_the_start(_VALUE, fields((b"a", b"evil\x7f"))),
    "value_fold": before_the_start(_VALUE, fields((b"a", b"b\r\n evil"))),
    "length_negative": before_the_start(_LENGTH + "b'-1'", fields((b"content-length", b"-1"))),
    "length_list": before_the_start(_LENGTH + "b'1, 1'", fields((b"content-length", b"1, 1"))),
    "length_empty": before_the_start(_LENGTH + "b''", fields((b"content-length", b""))),
    "length_twice": before_the_start(
        _LENGTH + "b'1'", fields((b"content-length", b"1"), (b"Content-Length", b"1"))
    ),
}

_MORE = "http.response.body: more_body must be a bool, not "
_BODY = "http.response.body: body must be bytes, not "
_LONG = "the body is longer than its Content-Length"
_SHORT = "the body is shorter than its Content-Length"

#: HTTP format, "Response Body": the keys and their types, and a body that is not what was announced.
BODY = {
    "body_text": before_the_start(_BODY + "'text'", start(), body("text")),
    "body_none": before_the_start(_BODY + "None", start(), body(None)),
    "body_int": before_the_start(_BODY + "5", start(), body(5)),
    "body_list": before_the_start(_BODY + "[b'a']", start(), body([b"a"])),
    "more_none": before_the_start(_MORE + "None", start(), body(b"a", more_body=None)),
    "more_zero": before_the_start(_MORE + "0", start(), body(b"a", more_body=0)),
    "more_one": before_the_start(_MORE + "1", start(), body(b"a", more_body=1)),
    "more_text": before_the_start(_MORE + "'false'", start(), body(b"a", more_body="false")),
    "text_in_the_middle": in_the_middle(_BODY + "'text'", start(), _PART, body("text")),
    "more_in_the_middle": in_the_middle(_MORE + "1", start(), _PART, body(b"a", more_body=1)),
    "too_long": before_the_start(_LONG, fields((b"content-length", b"3")), body(b"too long")),
    "too_long_in_parts": in_the_middle(_LONG, fields((b"content-length", b"5")), _PART, body(b"more")),
    "too_short": before_the_start(_SHORT, fields((b"content-length", b"9")), body(b"short")),
    "too_short_in_parts": in_the_middle(_SHORT, fields((b"content-length", b"9")), _PART, body()),
}

PLAYS = {**NO_MESSAGES, **ORDER, **START, **BODY}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Play what the path names, or catch what becomes of what the query names."""
    name = scope["path"].removeprefix("/")
    if name != "told":
        for message in PLAYS[name].messages:
            await send(message)
        return
    told = ""
    try:
        for message in PLAYS[scope["query_string"].decode()].messages:
            await send(message)
    except Exception as error:  # noqa: BLE001 - whatever it is, is told
        told = f"{type(error).__name__}: {error}"
    await send(start())
    await send(body(told.encode()))
