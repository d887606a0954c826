"""A connection as its server sees it, in the order of RFC 9113: what its client sees, and what is told."""

import tracemalloc

import pytest

from hybrid.server.limits import Limits
from hybrid.server.wire.http2.events import RequestBegun
from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode, Setting
from hybrid.server.wire.http2.priority import Priority
from hybrid.server.wire.http2.session import Session
from hybrid.server.wire.http2.terms import Terms
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    PADDED,
    PREFACE,
    Frame,
    Kind,
    frame,
    goaway,
    number,
    settings,
)
from tests.support.http2_sessions import (
    GET,
    POST,
    Talk,
    data,
    ping,
    priority_update,
    rst_stream,
    window_update,
)

BEGUN = ("begun", 1, "GET", b"/", ((b"host", b"x"),), True)


def begun(talk: Talk, stream: int = 1, *, ends: bool = True) -> Talk:
    """Let the client begin a request, and forget what was told of it."""
    talk.send(talk.headers(stream, GET if ends else POST, ends=ends))
    talk.take()
    return talk


# 3.4: the preface.


def test_server_begins_with_its_settings() -> None:
    """The first frame of the server is SETTINGS with what it grants; the connection's window comes after."""
    talk = Talk(Terms(streams=7, window=70_000, limits=Limits(request_head=9000)), begun=False)
    talk.hear()
    first, second = talk.said
    assert first.settings == {
        Setting.MAX_CONCURRENT_STREAMS: 7,
        Setting.INITIAL_WINDOW_SIZE: 70_000,
        Setting.MAX_HEADER_LIST_SIZE: 9000,
        Setting.ENABLE_CONNECT_PROTOCOL: 1,
        Setting.NO_RFC7540_PRIORITIES: 1,
    }
    assert second == Frame(Kind.WINDOW_UPDATE, 0, 0, number((1 << 20) - 65535))


def test_preface_may_come_in_pieces() -> None:
    """A preface that comes byte by byte is one, and is answered when its SETTINGS are here."""
    talk = Talk(begun=False).bytewise(PREFACE)
    before = talk.session.idle
    talk.take()
    talk.bytewise(settings())
    assert talk.said == [Frame(Kind.SETTINGS, ACK, 0, b"")]
    assert (before, talk.session.idle) == (False, True)


@pytest.mark.parametrize(
    "raw",
    [b"GET / HTTP/1.1\r\n", PREFACE[:-1] + b"x", PREFACE + ping(), PREFACE + frame(Kind.SETTINGS, flags=ACK)],
    ids=["http1", "nearly", "no settings", "acknowledgement"],
)
def test_other_beginnings_are_refused(raw: bytes) -> None:
    """What is not the preface, or has not SETTINGS after it, ends the connection."""
    assert Talk(begun=False).send(raw).fault == ErrorCode.PROTOCOL_ERROR


# 5.1: streams.


def test_request_is_told() -> None:
    """A request without a body is told as a whole, and its stream is open until it is answered."""
    talk = Talk()
    talk.send(talk.headers(1))
    assert talk.told == [BEGUN]
    before = talk.session.idle
    talk.answer(1)
    assert (before, talk.session.idle) == (False, True)
    assert talk.said == [Frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, b"\x88")]


def test_body_is_told() -> None:
    """A request with a body is told as it comes, and is over when both sides have ended."""
    talk = Talk()
    talk.send(talk.headers(1, POST, ends=False), data(1, b"one"), data(1, b"two", ends=True))
    assert talk.told[1:] == [("body", 1, b"one", 3, False), ("body", 1, b"two", 3, True)]
    assert 1 in talk.session.streams
    talk.answer(1)
    assert not talk.session.streams


@pytest.mark.parametrize(
    "raw", [data(1), window_update(1, 1), rst_stream(1)], ids=["DATA", "update", "reset"]
)
@pytest.mark.parametrize("stream", [1, 2])
def test_frame_on_idle_stream_ends_the_connection(raw: bytes, stream: int) -> None:
    """Of a stream that was never opened, or is the server's, only HEADERS and PRIORITY may come."""
    raw = raw[:8] + bytes([stream]) + raw[9:]
    assert Talk().send(raw).fault == ErrorCode.PROTOCOL_ERROR


def test_stream_of_the_server_cannot_be_opened() -> None:
    """HEADERS on a stream with an even number, or none, ends the connection (5.1.1)."""
    for stream in (0, 2):
        talk = Talk()
        assert talk.send(talk.headers(stream)).fault == ErrorCode.PROTOCOL_ERROR


def test_stream_below_the_last_cannot_be_opened() -> None:
    """A stream that was skipped is closed (5.1.1)."""
    talk = begun(Talk(), 3)
    assert talk.send(talk.headers(1)).fault == ErrorCode.STREAM_CLOSED


def test_frames_on_a_complete_stream_end_the_connection() -> None:
    """After both sides have ended, HEADERS and DATA cannot be a misunderstanding."""
    for raw in (data(1), Talk().headers(1)):
        talk = begun(Talk())
        talk.answer(1)
        assert talk.send(raw).fault == ErrorCode.STREAM_CLOSED


def test_late_frames_on_a_complete_stream_are_ignored() -> None:
    """WINDOW_UPDATE, RST_STREAM and PRIORITY may cross with the end of a stream."""
    talk = begun(Talk())
    talk.answer(1)
    talk.take()
    talk.send(window_update(1, 9), rst_stream(1), frame(Kind.PRIORITY, number(0) + b"\0", stream=1))
    assert (talk.told, talk.said, talk.fault) == ([], [], None)


@pytest.mark.parametrize("ends", [True, False])
def test_data_after_the_end_of_a_request_ends_the_stream_alone(ends: bool) -> None:
    """Half-closed is closed for DATA: STREAM_CLOSED, on that stream; the others go on."""
    talk = begun(begun(Talk()), 3)
    talk.send(data(1, b"x", ends=ends), talk.headers(5))
    assert talk.resets == {1: ErrorCode.STREAM_CLOSED}
    assert [each[:2] for each in talk.told] == [("ended", 1), ("begun", 5)]
    assert sorted(talk.session.streams) == [3, 5]


def test_what_was_under_way_when_the_server_reset_is_ignored() -> None:
    """A client may not have known: DATA, trailers and updates on a stream that the server has reset pass."""
    talk = begun(Talk(), ends=False)
    talk.session.reset(1, ErrorCode.CANCEL)
    talk.send(data(1, b"x" * 999), talk.headers(1), window_update(1, 1), rst_stream(1))
    assert talk.resets == {1: ErrorCode.CANCEL}
    assert (talk.told, talk.fault) == ([], None)


def test_client_that_goes_on_after_its_own_reset_is_told() -> None:
    """It must not: STREAM_CLOSED, on the stream."""
    talk = begun(Talk(), ends=False).send(rst_stream(1), data(1, b"x"))
    assert talk.told[0] == ("ended", 1, None)
    assert talk.resets == {1: ErrorCode.STREAM_CLOSED}
    assert talk.fault is None


def test_streams_beyond_the_limit_are_refused_one_by_one() -> None:
    """5.1.2: REFUSED_STREAM says that the request may be sent again; those before go on, and make room."""
    talk = begun(begun(Talk(Terms(streams=2)), 1), 3)
    assert talk.send(talk.headers(5)).resets == {5: ErrorCode.REFUSED_STREAM}
    talk.answer(1)
    talk.take()
    assert talk.send(talk.headers(7)).told[0][:2] == ("begun", 7)


def test_streams_that_still_make_work_count() -> None:
    """As many as may be open, beside those: then new ones are refused, and nothing is promised."""
    talk = Talk(Terms(streams=2))
    talk.session.abandoned |= {"one", "two"}
    begun(talk, 1)
    assert talk.session.promise(talk.session.streams[1], b"\x82\x84\x86\x41\x01x") is None
    begun(talk, 3).take()
    talk.send(rst_stream(3))
    talk.session.abandoned.add("three")
    assert talk.send(talk.headers(5)).resets == {5: ErrorCode.REFUSED_STREAM}
    talk.session.abandoned.discard("one")
    talk.take()
    assert talk.send(talk.headers(7)).told[0][:2] == ("begun", 7)


# 5.4, 8.1.1: errors of a stream are no one else's.


@pytest.mark.parametrize(
    "fields",
    [
        (*GET, ("Upper", "x")),
        (*GET, ("x", "a\r\nb")),
        (*GET, ("x", "a\nb")),
        (*GET, ("x", "a\0b")),
        (*GET, ("x", " a")),
        (*GET, ("a b", "x")),
        (*GET, ("connection", "close")),
        (*GET, ("transfer-encoding", "chunked")),
        (*GET, (":path", "/again")),
        (*GET, (":status", "200")),
        (("x", "before"), *GET),
        GET[1:],
        (*POST, ("content-length", "5")),
    ],
    ids=lambda fields: repr(fields[-1]),
)
def test_malformed_request_ends_its_stream_alone(fields: tuple[tuple[str, str], ...]) -> None:
    """Each of these is PROTOCOL_ERROR on its stream; the request before and the one after are served."""
    talk = begun(Talk())
    talk.send(talk.headers(3, fields), talk.headers(5))
    assert talk.resets == {3: ErrorCode.PROTOCOL_ERROR}
    assert [each[:2] for each in talk.told] == [("ended", 3), ("begun", 5)]
    assert sorted(talk.session.streams) == [1, 5]


@pytest.mark.parametrize(
    "parts",
    [(b"123456",), (b"123", b"456"), (b"123",), (b"",), ()],
    ids=["longer", "longer in parts", "shorter", "nothing", "trailers"],
)
def test_body_must_have_its_content_length(parts: tuple[bytes, ...]) -> None:
    """A body that is longer or shorter than announced ends its stream alone (8.1.1)."""
    talk = begun(Talk())
    talk.send(talk.headers(3, (*POST, ("content-length", "5")), ends=False))
    talk.send(*(data(3, part) for part in parts[:-1]))
    talk.send(data(3, parts[-1], ends=True) if parts else talk.headers(3, (("x", "y"),)))
    assert talk.resets == {3: ErrorCode.PROTOCOL_ERROR}
    assert talk.fault is None
    assert list(talk.session.streams) == [1]


@pytest.mark.parametrize("ends", ["data", "trailers"])
def test_body_of_its_content_length_is_whole(ends: str) -> None:
    """Padding does not count; what ends the body may be trailers."""
    talk = Talk()
    talk.send(talk.headers(1, (*POST, ("content-length", "5")), ends=False))
    talk.send(frame(Kind.DATA, b"\x0212345xx", stream=1, flags=PADDED))
    talk.send(data(1, ends=True) if ends == "data" else talk.headers(1, (("x", "y"),)))
    assert talk.told[1:] == [("body", 1, b"12345", 8, False), ("body", 1, b"", 0, True)]
    assert not talk.resets


@pytest.mark.parametrize(
    ("fields", "ends", "code"),
    [
        ((("x", "y"),), False, ErrorCode.PROTOCOL_ERROR),
        (((":path", "/"),), True, ErrorCode.PROTOCOL_ERROR),
        ((("x", "y" * 9000),), True, ErrorCode.ENHANCE_YOUR_CALM),
        (tuple(("x", "y" * 4000) for _ in range(17)), True, ErrorCode.ENHANCE_YOUR_CALM),
    ],
    ids=["not the end", "pseudo-header", "long", "longer than any list"],
)
def test_bad_trailers_end_their_stream_alone(
    fields: tuple[tuple[str, str], ...], ends: bool, code: ErrorCode
) -> None:
    """8.1: trailers end the stream, have no pseudo-header fields, and their size is limited."""
    talk = begun(begun(Talk()), 3, ends=False)
    talk.send(talk.headers(3, fields, ends=ends))
    assert talk.resets == {3: code}
    assert (talk.fault, list(talk.session.streams)) == (None, [1])


def test_list_beyond_the_limit_is_answered() -> None:
    """431 on the stream, and the table of the client is still known: what it refers to later is there."""
    talk = Talk(Terms(limits=Limits(request_head=8000)))
    talk.send(talk.headers(1, (*GET, *(("x", "y" * 4000 + str(each)) for each in range(3)))))
    refers = talk.headers(3, (*GET, ("x", "y" * 4000 + "2")))
    assert len(refers) < 20
    talk.send(refers)
    assert talk.told[0] == ("refused", 1, 431)
    assert talk.told[1][4][1] == (b"x", b"y" * 4000 + b"2")


def test_list_of_many_frames_is_answered_up_to_twice_the_limit() -> None:
    """A block in CONTINUATION frames that is too large, but not beyond measure, is 431 as well."""
    talk = begun(Talk(Terms(limits=Limits(request_head=20_000))))
    block = talk.encoder.encode([*GET, ("x", "\x01" * 30_000)], huffman=False)
    first = frame(Kind.HEADERS, block[:16000], stream=3, flags=END_STREAM)
    talk.send(first, frame(Kind.CONTINUATION, block[16000:], stream=3, flags=END_HEADERS))
    assert talk.told == [("refused", 3, 431)]
    assert talk.fault is None


# 6.4, 6.5, 6.7, 6.8.


def test_reset_of_the_client_ends_its_stream() -> None:
    """It is told without a fault, once."""
    talk = begun(Talk()).send(rst_stream(1), rst_stream(1))
    assert talk.told == [("ended", 1, None)]
    assert (talk.said, talk.fault, dict(talk.session.streams)) == ([], None, {})


def test_settings_are_acknowledged_in_their_order() -> None:
    """Each SETTINGS has one acknowledgement, after the value is in use."""
    talk = begun(Talk())
    talk.send(settings((Setting.INITIAL_WINDOW_SIZE, 5)), ping(), settings((Setting.INITIAL_WINDOW_SIZE, 7)))
    assert [(each.kind, each.flags) for each in talk.said] == [(4, ACK), (6, ACK), (4, ACK)]
    assert talk.session.streams[1].window == 7
    assert talk.told == [("room", 0)]  # of the one that made room


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([(Setting.ENABLE_PUSH, 2)], ErrorCode.PROTOCOL_ERROR),
        ([(Setting.INITIAL_WINDOW_SIZE, 1 << 31)], ErrorCode.FLOW_CONTROL_ERROR),
        ([(Setting.MAX_FRAME_SIZE, 16383)], ErrorCode.PROTOCOL_ERROR),
        ([(Setting.MAX_FRAME_SIZE, 1 << 24)], ErrorCode.PROTOCOL_ERROR),
        ([(0xFFFF, 1)], None),
    ],
)
def test_settings_out_of_range(pairs: list[tuple[int, int]], code: ErrorCode | None) -> None:
    """6.5.2: values that must not be end the connection, settings that are not known are ignored."""
    assert Talk().send(settings(*pairs)).fault == code


def test_window_of_a_stream_may_become_negative() -> None:
    """6.9.2: after a smaller initial window nothing is sent until the client has made up for it."""
    talk = begun(Talk())
    stream = talk.session.streams[1]
    talk.session.send_data(stream, b"x" * 100, end=False)
    talk.send(settings((Setting.INITIAL_WINDOW_SIZE, 10)))
    assert (stream.window, talk.session.room(stream)) == (-90, -90)
    talk.send(window_update(1, 95))
    assert talk.session.room(stream) == 5


def test_initial_window_that_overflows_a_stream_ends_the_connection() -> None:
    """6.9.2: FLOW_CONTROL_ERROR."""
    talk = begun(Talk()).send(window_update(1, (1 << 31) - 1 - 65535))
    assert talk.fault is None
    assert talk.send(settings((Setting.INITIAL_WINDOW_SIZE, 65536))).fault == ErrorCode.FLOW_CONTROL_ERROR


def test_ping_is_answered_and_an_answer_is_not() -> None:
    """6.7: the same eight bytes."""
    talk = Talk().send(ping(b"12345678"), ping(ack=True))
    assert talk.said == [Frame(Kind.PING, ACK, 0, b"12345678")]


def test_client_that_leaves_is_answered() -> None:
    """6.8: GOAWAY of a client does not end its requests."""
    talk = begun(Talk()).send(goaway(0, 0))
    talk.answer(1)
    assert (talk.fault, talk.told) == (None, [])


def test_requests_that_race_with_the_last_goaway_are_not_looked_at() -> None:
    """6.8: whatever comes on streams after the last one is dropped, bodies too, the connection goes on; the
    table of header fields is kept in step.
    """
    talk = begun(Talk(), ends=False)
    talk.session.leave()
    talk.send(talk.headers(3, (*POST, ("x-new", "y")), ends=False), data(3, b"x" * 500), data(3, ends=True))
    talk.send(rst_stream(3), window_update(3, 1), data(1, b"rest", ends=True))
    assert talk.told == [("body", 1, b"rest", 4, True)]
    assert talk.fault is None
    assert [(each.kind, each.last_stream, each.code) for each in talk.said] == [(Kind.GOAWAY, 1, 0)]


def test_goaway_in_two_steps() -> None:
    """6.8: after the first one requests are still taken, after the second one no more."""
    talk = begun(Talk())
    talk.session.leave(soon=True)
    talk.send(talk.headers(3))
    talk.session.leave()
    talk.send(talk.headers(5))
    assert [each[:2] for each in talk.told] == [("begun", 3)]
    assert [each.last_stream for each in talk.said] == [(1 << 31) - 1, 3]


# 6.9: flow control.


def test_more_than_the_window_of_a_stream_ends_the_stream() -> None:
    """FLOW_CONTROL_ERROR on the stream, at the byte that is too much."""
    talk = begun(begun(Talk(), ends=False), 3)
    talk.send(*(data(1, b"x" * 13107) for _ in range(5)))  # 65,535
    assert not talk.resets
    assert talk.send(data(1, b"x")).resets == {1: ErrorCode.FLOW_CONTROL_ERROR}
    assert (talk.fault, list(talk.session.streams)) == (None, [3])


def test_window_of_the_connection_comes_back_by_itself() -> None:
    """A stream whose body nobody takes does not hold up the others, as long as few bytes are held."""
    talk = Talk(Terms(window=1 << 20))
    talk.send(*(talk.headers(stream, POST, ends=False) for stream in (1, 3, 5)))
    for stream in (1, 3, 5):
        talk.send(*(data(stream, bytes(16384)) for _ in range(60)))
    assert talk.fault is None
    updates = [each for each in talk.said if each.kind == Kind.WINDOW_UPDATE]
    assert {each.stream for each in updates} == {0}


def test_connection_that_holds_much_gives_no_more_room() -> None:
    """Beyond 4 MiB that nobody reads the client has to wait; what has been read counts no more."""
    talk = begun(Talk(Terms(window=1 << 23)), ends=False)
    talk.session.hold((4 << 20) + 1)
    assert talk.session.withholds
    talk.send(*(data(1, bytes(16384)) for _ in range(64)))
    assert [each.kind for each in talk.said] == []
    talk.session.hold(-1)
    talk.hear()
    assert talk.said == [Frame(Kind.WINDOW_UPDATE, 0, 0, number(1 << 20))]
    assert not talk.session.withholds


def test_more_than_the_connection_was_given_ends_it() -> None:
    """FLOW_CONTROL_ERROR of the connection."""
    talk = begun(Talk(Terms(window=1 << 23)), ends=False)
    talk.session.hold((4 << 20) + 1)
    assert talk.send(*(data(1, bytes(16384)) for _ in range(65))).fault == ErrorCode.FLOW_CONTROL_ERROR


def test_stream_gets_its_room_back_when_told() -> None:
    """In updates of half a window, and none after the end of the request."""
    talk = begun(Talk(), ends=False)
    stream = talk.session.streams[1]
    talk.send(data(1, bytes(16384)))
    talk.session.credit(stream, 16384)
    talk.hear()
    assert talk.said == []
    talk.session.credit(stream, 16384)
    talk.hear()
    assert talk.take()[1] == [Frame(Kind.WINDOW_UPDATE, 0, 1, number(32768))]
    talk.send(data(1, ends=True))
    talk.session.credit(stream, 65535)
    talk.hear()
    assert talk.said == []


@pytest.mark.parametrize(
    ("raw", "stream", "connection"),
    [
        (window_update(1, 0), ErrorCode.PROTOCOL_ERROR, None),
        (window_update(1, (1 << 31) - 1), ErrorCode.FLOW_CONTROL_ERROR, None),
        (window_update(0, 0), None, ErrorCode.PROTOCOL_ERROR),
        (window_update(0, (1 << 31) - 1), None, ErrorCode.FLOW_CONTROL_ERROR),
    ],
)
def test_bad_updates(raw: bytes, stream: ErrorCode | None, connection: ErrorCode | None) -> None:
    """6.9, 6.9.1: of nothing, and of too much; on a stream they end that stream."""
    talk = begun(Talk()).send(raw)
    assert talk.resets.get(1) == stream
    assert talk.fault == connection


def test_room_is_what_both_windows_and_a_frame_allow() -> None:
    """The smallest of the three."""
    talk = begun(Talk())
    stream = talk.session.streams[1]
    assert talk.session.room(stream) == 16384
    talk.send(settings((Setting.MAX_FRAME_SIZE, 1 << 20)), window_update(1, 1000))
    assert talk.session.room(stream) == 65535  # of the connection
    talk.send(window_update(0, 9000))
    assert talk.session.room(stream) == 66535  # of the stream


# RFC 7540 5.3, RFC 9218.


def test_stream_that_depends_on_itself_is_refused() -> None:
    """RFC 7540 section 5.3.1, in both frames that could say it; any other dependency means nothing."""
    talk = Talk()
    talk.send(frame(Kind.PRIORITY, number(3) + b"\0", stream=1))
    block = talk.encoder.encode(list(GET))
    flags = END_HEADERS | END_STREAM | HAS_PRIORITY
    talk.send(frame(Kind.HEADERS, number(7 | 1 << 31) + b"\xff" + block, stream=1, flags=flags))
    assert talk.told == [BEGUN]
    talk.send(frame(Kind.HEADERS, number(3) + b"\xff" + block, stream=3, flags=flags))
    talk.send(frame(Kind.PRIORITY, number(5) + b"\0", stream=5))
    assert talk.resets == {3: ErrorCode.PROTOCOL_ERROR, 5: ErrorCode.PROTOCOL_ERROR}


def test_priority_of_an_open_stream_is_told() -> None:
    """Of those that are over it is dropped; of stream 0 there is none."""
    talk = begun(begun(Talk()), 3)
    talk.answer(3)
    talk.take()
    talk.send(*(priority_update(stream, b"u=1") for stream in (1, 3)))
    assert talk.told == [("priority", 1, 1, False)]
    assert talk.send(frame(Kind.PRIORITY_UPDATE, number(0))).fault == ErrorCode.PROTOCOL_ERROR


def test_priority_of_a_stream_that_is_not_open_yet() -> None:
    """The last one is kept for its request (RFC 9218 section 7.1), unless a later stream is opened before."""
    talk = Talk(Terms(streams=3))
    said = [(5, b"u=1"), (5, b"u=2, i"), (7, b"u=1"), (3, b"u=1")]
    talk.send(*(priority_update(stream, value) for stream, value in said))
    events = [*talk.session.receive(talk.headers(5) + talk.headers(9) + talk.headers(11))]
    begins = [each for each in events if isinstance(each, RequestBegun)]
    assert [each.priority for each in begins] == [Priority(2, incremental=True), None, None]


def test_priorities_of_streams_to_come_have_their_number() -> None:
    """With those that are open they are as many as may be open; a client that goes on breaks the protocol."""
    talk = begun(Talk(Terms(streams=3)))
    talk.send(*(priority_update(stream, b"u=1") for stream in (3, 5, 5, 3)))
    assert talk.fault is None
    assert talk.send(priority_update(7, b"u=1")).fault == ErrorCode.PROTOCOL_ERROR


def test_priority_of_a_push() -> None:
    """It is told as of a request; one that has not been promised breaks the protocol."""
    talk = begun(Talk())
    talk.session.promise(talk.session.streams[1], b"\x82\x84\x86\x41\x01x")
    talk.take()
    assert talk.send(priority_update(2, b"u=1")).told == [("priority", 2, 1, False)]
    assert talk.send(priority_update(4, b"u=1")).fault == ErrorCode.PROTOCOL_ERROR


# What may be done for nothing.

BLOCK = Talk().headers(1)
NOTHING = {
    "ping": ping(),
    "pong": ping(ack=True),
    "settings": settings(),
    "settings acknowledged": frame(Kind.SETTINGS, flags=ACK),
    "priority": frame(Kind.PRIORITY, number(0) + b"\0", stream=1),
    "priority update": frame(Kind.PRIORITY_UPDATE, number(1) + b"u=1"),
    "goaway": goaway(0, 0),
    "unknown": frame(0xFA, b"?"),
    "window of the connection": window_update(0, 1),
    "window of a stream": window_update(1, 1),
    "window of an old stream": window_update(3, 1),
    "empty data": data(1),
    "padding": frame(Kind.DATA, b"\x05" + bytes(5), stream=1, flags=PADDED),
    "data for nobody": data(3, b"x"),
}


def with_two(terms: Terms | None = None) -> Talk:
    """Return a connection with an open stream, 1, and one that the server has reset, 3."""
    talk = begun(begun(Talk(terms), 1, ends=False), 3, ends=False)
    talk.session.reset(3, ErrorCode.CANCEL)
    talk.hear()
    talk.take()
    return talk


@pytest.mark.parametrize("name", NOTHING)
def test_frames_that_say_nothing_may_come_a_thousand_times(name: str) -> None:
    """Then the connection ends with ENHANCE_YOUR_CALM; the first SETTINGS has been one of them."""
    talk = with_two().send(*[NOTHING[name]] * 999)
    assert talk.fault is None
    assert talk.send(NOTHING[name]).fault == ErrorCode.ENHANCE_YOUR_CALM


RESETS = {
    "rapid reset": lambda talk, n: talk.headers(n) + rst_stream(n),
    "refused": lambda talk, n: talk.headers(n, GET[1:]),
    "update of nothing": lambda talk, n: talk.headers(n) + window_update(n, 0),
    "update of too much": lambda talk, n: talk.headers(n) + window_update(n, (1 << 31) - 1),
    "data after the end": lambda talk, n: talk.headers(n) + data(n, b"x"),
    "headers after the end": lambda talk, n: talk.headers(n) + talk.headers(n),
    "too much data": lambda talk, n: (
        talk.headers(n, (*POST, ("content-length", "1")), ends=False) + data(n, b"xx")
    ),
    "dependency": lambda talk, n: (
        talk.headers(n, ends=False) + frame(Kind.PRIORITY, number(n) + b"\0", stream=n)
    ),
    "oversized list": lambda talk, n: talk.headers(n, (*GET, *[("x", "y" * 4000)] * 17)) + rst_stream(n),
}


@pytest.mark.parametrize("name", RESETS)
def test_streams_may_be_reset_a_thousand_times(name: str) -> None:
    """By the client (CVE-2023-44487), or by the server because of what the client does (CVE-2025-8671). More
    than that, with no response between, is ENHANCE_YOUR_CALM.
    """
    talk = Talk()
    made = 0
    while talk.fault is None and made < 1500:
        talk.send(RESETS[name](talk, 2 * made + 1))
        made += 1
    assert talk.fault == ErrorCode.ENHANCE_YOUR_CALM
    assert made in ((333, 334) if name == "oversized list" else (1000, 1001))


def test_streams_beyond_the_limit_may_be_tried_a_thousand_times() -> None:
    """A client that does not heed the limit on streams is refused, and then ended."""
    talk = begun(Talk(Terms(streams=1)))
    for each in range(1000):
        talk.send(talk.headers(2 * each + 3))
    assert talk.fault is None
    assert talk.send(talk.headers(3001)).fault == ErrorCode.ENHANCE_YOUR_CALM


def test_settings_with_very_many_entries_count_as_more() -> None:
    """What is in them costs as much as so many frames."""
    talk = Talk()
    talk.send(*[settings(*[(0xFFFF, 1)] * 2700)] * 11)
    assert talk.fault is None
    assert talk.send(settings(*[(0xFFFF, 1)] * 2700)).fault == ErrorCode.ENHANCE_YOUR_CALM


def test_time_makes_up_for_it() -> None:
    """33 resets and 100 other frames a second go on for ever."""
    talk = Talk()
    talk.send(*[ping()] * 999)
    for _ in range(20):
        talk.session.tick()
        assert talk.send(*[ping()] * 100).fault is None
    for each in range(2000):
        if each >= 900 and each % 33 == 0:
            talk.session.tick()
        talk.send(talk.headers(2 * each + 1), rst_stream(2 * each + 1))
    assert talk.fault is None


def test_responses_make_up_for_it() -> None:
    """Whose clients cancel every second request of very many, a proxy, is not cut off."""
    talk = Talk()
    for each in range(1, 12_001, 4):
        talk.send(talk.headers(each), rst_stream(each), talk.headers(each + 2))
        talk.answer(each + 2)
    assert talk.fault is None


def test_download_may_have_all_the_updates_it_needs() -> None:
    """Eager clients give back each KiB of a download at once, on the stream and on the connection, and ping
    besides: no number of those is too many.
    """
    talk = begun(Talk())
    stream = talk.session.streams[1]
    for _ in range(1000):
        talk.session.send_data(stream, bytes(16384), end=False)
        talk.send(*[window_update(1, 2048), window_update(0, 2048)] * 8, ping())
        talk.take()
    assert talk.fault is None


def test_responses_sent_whole_make_up_for_updates_and_resets() -> None:
    """Small responses, of which each is sent at once, are of as much use as large ones: a client that gives
    back the connection's window after each, and cancels every second request, is not cut off.
    """
    talk = Talk()
    for each in range(1, 12_001, 4):
        talk.send(talk.headers(each), rst_stream(each), talk.headers(each + 2))
        talk.session.send_response(talk.session.streams[each + 2], b"\x88", bytes(100))
        talk.send(window_update(0, 100))
        talk.take()
    assert talk.fault is None


def test_browser_that_leaves_a_page_may_cancel_all_of_it() -> None:
    """A hundred requests at a time, several times in a second."""
    talk = Talk()
    for page in range(10):
        streams = range(200 * page + 1, 200 * page + 201, 2)
        talk.send(*(talk.headers(stream) for stream in streams), *(rst_stream(stream) for stream in streams))
    assert talk.fault is None
    assert len(talk.told) == 2000


def test_crumbs_are_bounded() -> None:
    """A client whose window lets through a few bytes at a time gets some of them (CVE-2019-9511)."""
    talk = begun(Talk())
    with pytest.raises(ConnectionFault, match="frames that say nothing"):
        send_crumbs(talk)
    assert 400 < 65535 - talk.session.window < 600


def send_crumbs(talk: Talk) -> None:
    """Send a response byte by byte, as if the client took no more at a time."""
    for _ in range(1000):
        talk.session.squeeze()
        talk.session.send_data(talk.session.streams[1], b"x", end=False)


# What there is to keep.


def test_what_is_remembered_is_bounded() -> None:
    """Thousands of requests, answered or reset by either side, leave nothing behind that grows."""
    talk = Talk()

    def ask(first: int, count: int) -> None:
        for each in range(first, first + 6 * count, 6):
            talk.send(*(talk.headers(each + place) for place in (0, 2, 4)))
            talk.answer(each)
            talk.session.reset(each + 2, ErrorCode.CANCEL)
            talk.send(rst_stream(each + 4))
            talk.session.tick()
            talk.take()

    tracemalloc.start()
    try:
        ask(1, 2000)
        before, _ = tracemalloc.get_traced_memory()
        ask(12_001, 2000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert talk.fault is None
    assert after - before < 20_000


def test_state_is_visible() -> None:
    """What a log line or a debugger shows."""
    session = Session(Terms())
    assert repr(session) == "<Session 0 streams, last 0, window 65535>"
