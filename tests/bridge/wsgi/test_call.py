"""One call of a WSGI application: the rules of PEP 3333 on what goes out, without a server."""

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIApplication

import pytest

import hybrid.bridge.wsgi.call as call_module
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Headers
from hybrid.bridge.wsgi.call import serve
from hybrid.bridge.wsgi.filewrapper import FileWrapper
from tests.support.exchanges import RecordedExchange, http_scope

Environ = dict[str, Any]
PLAIN = [("Content-Type", "text/plain")]


def answering(
    parts: Any, headers: list[tuple[str, str]] | None = None, status: str = "200 OK"
) -> WSGIApplication:
    """Make an application that answers with these parts."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, PLAIN if headers is None else headers)
        result: Iterable[bytes] = parts
        return result

    return app


def call(app: Any, exchange: RecordedExchange | None = None) -> RecordedExchange:
    """Call an application and return what became of the exchange."""
    exchange = exchange or RecordedExchange()
    serve(app, {"REQUEST_METHOD": exchange.scope["method"]}, exchange)
    return exchange


def assert_internal_error(exchange: RecordedExchange) -> None:
    """The client got a 500, and nothing of what the application had in mind."""
    assert exchange.status == 500
    assert exchange.parts == [b"Internal Server Error"]
    assert exchange.finished
    assert not exchange.aborted


class Parts:
    """An iterable body that counts the calls of its close()."""

    def __init__(self, parts: Iterable[Any], close_error: BaseException | None = None) -> None:
        self._parts = iter(parts)
        self._close_error = close_error
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._parts)

    def close(self) -> None:
        """Count, and fail if told to."""
        self.closed += 1
        if self._close_error is not None:
            raise self._close_error


def failing_after(*parts: bytes, error: BaseException) -> Iterator[bytes]:
    """Give parts, and fail."""
    yield from parts
    raise error


class TestHead:
    """When the head goes out, and what may be in it."""

    def test_one_part(self) -> None:
        """A list of one part is finished in one step, so that its length is known in time."""
        exchange = call(answering([b"all"]))
        assert exchange.head == (200, "OK", [(b"content-type", b"text/plain")])
        assert (exchange.parts, exchange.finished) == ([b"all"], True)

    def test_parts_go_out_as_they_come(self) -> None:
        """Each part has been written before the application is asked for the next one."""
        exchange = RecordedExchange()
        seen = []

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            for part in (b"a", b"b", b"c"):
                yield part
                seen.append(list(exchange.parts))

        assert call(app, exchange).finished
        assert seen == [[b"a"], [b"a", b"b"], [b"a", b"b", b"c"]]

    def test_held_back_until_a_part_that_is_not_empty(self) -> None:
        """Empty parts let nothing out, so that the application can still change its mind."""
        exchange = RecordedExchange()

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            yield b""
            assert exchange.head is None
            yield b"x"
            assert exchange.head is not None

        assert call(app, exchange).parts == [b"x"]

    @pytest.mark.parametrize("parts", [[], (), [b""], iter([]), iter([b"", b""])])
    def test_empty_response(self, parts: Any) -> None:
        """A response without a body is started and finished all the same."""
        exchange = call(answering(parts, [], "204 No Content"))
        assert exchange.head == (204, "No Content", [])
        assert (exchange.parts, exchange.finished) == ([], True)

    def test_start_response_inside_the_iterator(self) -> None:
        """start_response may come as late as the first part that is not empty."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            yield b""
            start_response("201 Created", PLAIN)
            yield b"late"

        assert call(app).head == (201, "Created", [(b"content-type", b"text/plain")])

    @pytest.mark.parametrize("parts", [[b"x"], [b"x", b"y"], []])
    def test_start_response_never_called(self, parts: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
        """A body without a head is an error, and so is nothing at all."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            return parts

        assert_internal_error(call(app))
        assert "without calling start_response" in caplog.text

    def test_names_in_lower_case_order_and_repeats_kept(self) -> None:
        """Header fields go out in order, repeats too, with names in lower case and values in latin-1."""
        headers = [
            ("Set-Cookie", "a=1"),
            ("X-A", "é"),
            ("Set-Cookie", "b=2"),
        ]
        assert call(answering([b""], headers)).headers == [
            (b"set-cookie", b"a=1"),
            (b"x-a", b"\xe9"),
            (b"set-cookie", b"b=2"),
        ]

    @pytest.mark.parametrize("status", ["200", "200 ", "299 Really \xe9", "599 x"])
    def test_status(self, status: str) -> None:
        """Three digits, and any reason or none."""
        exchange = call(answering([b""], status=status))
        assert exchange.head is not None
        assert exchange.head[:2] == (int(status[:3]), status[4:])

    @pytest.mark.parametrize(
        "status",
        [
            "",
            "OK",
            "20 OK",
            "2000 OK",
            "-20 OK",
            "\xb200 OK",
            "099 x",
            "100 Continue",
            "600 x",
            200,
            b"200 OK",
            None,
        ]
        + [f"200 {reason}" for reason in ("O\rK", "O\nK", "O\0K", "\u20ac")],
    )
    def test_invalid_status(self, status: Any) -> None:
        """Anything else is the application's error; interim responses are the server's to send."""
        assert_internal_error(call(answering([b"x"], status=status)))

    @pytest.mark.parametrize(
        "field",
        [
            ("X\r\nSet-Cookie", "a"),
            ("X Y", "a"),
            ("X:", "a"),
            ("", "a"),
            ("\xdc", "a"),
            (b"X", "a"),
            ("X", b"a"),
        ]
        + [("X", 1), ("X", None), ("X",), ("X", "a", "b"), None]
        + [("X", value) for value in ("a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "\u20ac", "a\x7fb")],
    )
    def test_invalid_header(self, field: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A field that would inject another one, or is not two strings of latin-1, is refused and logged."""
        assert_internal_error(call(answering([b"x"], [field])))
        assert "GET /: the WSGI application failed" in caplog.text

    @pytest.mark.parametrize(
        "name", ["Connection", "keep-alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade"]
    )
    def test_hop_by_hop_header(self, name: str, caplog: pytest.LogCaptureFixture) -> None:
        """Fields of the connection belong to the server (PEP 3333, "Other HTTP Features")."""
        assert_internal_error(call(answering([b"x"], [(name, "close")])))
        assert f"hop-by-hop header '{name}'" in caplog.text

    def test_errors_are_raised_where_the_application_can_see_them(self) -> None:
        """A refused head raises out of start_response, and another one may follow."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            try:
                start_response("200 OK", [("X", "a\nb")])
            except RuntimeError:
                start_response("502 Bad Gateway", PLAIN)
            return [b"sorry"]

        assert call(app).status == 502

    def test_fields_as_lists(self) -> None:
        """A field that is a list is no tuple, as PEP 3333 wants, but clear enough."""
        headers: Any = [["X-A", "1"]]
        assert call(answering([b""], headers)).headers == [(b"x-a", b"1")]


class TestKnown:
    """Fields and whole heads that were found valid are remembered."""

    @pytest.fixture(autouse=True)
    def heads(self, monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
        """Start with an empty memory of heads."""
        heads: dict[Any, Any] = {}
        monkeypatch.setattr(call_module, "_known_heads", heads)
        return heads

    @pytest.fixture(autouse=True)
    def fields(self, monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
        """Start with an empty memory of fields."""
        fields: dict[Any, Any] = {}
        monkeypatch.setattr(call_module, "_known_fields", fields)
        return fields

    def test_same_head_again(self, heads: dict[Any, Any]) -> None:
        """A head that is known goes out as it did the first time."""
        headers = [("X-A", "1"), ("Content-Length", "2")]
        first = call(answering([b"ab"], headers)).head
        assert list(heads) == [("200 OK", *headers)]
        assert call(answering([b"ab"], headers)).head == first

    def test_a_known_head_still_counts(self, heads: dict[Any, Any], caplog: pytest.LogCaptureFixture) -> None:
        """The Content-Length of a head that is known is checked against each body."""
        for body, sent in ((b"ab", b"ab"), (b"abc", b"ab")):
            assert call(answering([body], [("Content-Length", "2")])).parts == [sent]
        assert len(heads) == 1
        assert "longer than its Content-Length" in caplog.text

    def test_same_field_again(self, fields: dict[Any, Any]) -> None:
        """A field that is known goes out as it did the first time, in whatever head."""
        first = call(answering([b""], [("X-A", "1")])).headers
        assert list(fields) == [("X-A", "1")]
        assert call(answering([b""], [("X-A", "1")], "201 Created")).headers == first

    @pytest.mark.parametrize("field", [("Set-Cookie", "a=1"), ("ETag", '"1"'), ("X-Long", "x" * 257)])
    def test_not_remembered(
        self, heads: dict[Any, Any], fields: dict[Any, Any], field: tuple[str, str]
    ) -> None:
        """What differs from response to response, or is secret or long, is not kept."""
        call(answering([b""], [field]))
        assert not heads
        assert not fields

    def test_bounded(self, heads: dict[Any, Any], fields: dict[Any, Any]) -> None:
        """However many fields applications invent, the memory stays small, and the last ones are in it."""
        for number in range(2000):
            call(answering([b""], [("X-Number", str(number))]))
            assert len(fields) <= 1024
            assert len(heads) <= 1024
        assert ("X-Number", "1999") in fields
        assert ("200 OK", ("X-Number", "1999")) in heads


class TestStartResponseAgain:
    """A second call of start_response."""

    def test_without_exc_info(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is an error, and the first response does not go out."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            start_response("200 OK", PLAIN)
            start_response("200 OK", PLAIN)
            return [b"x"]

        assert_internal_error(call(app))
        assert "second time without exc_info" in caplog.text

    def test_with_exc_info_of_no_exception(self) -> None:
        """Outside an except clause sys.exc_info() holds nothing, and is no reason to start again."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            start_response("200 OK", PLAIN)
            start_response("200 OK", PLAIN, sys.exc_info())
            return [b"x"]

        assert_internal_error(call(app))

    def test_with_exc_info_before_the_head_went_out(self) -> None:
        """The new head replaces the old one, with its Content-Length."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            start_response("200 OK", [("Content-Length", "2")])
            try:
                raise ValueError
            except ValueError:
                start_response("503 Oops", PLAIN, sys.exc_info())
            return [b"longer"]

        exchange = call(app)
        assert exchange.head == (503, "Oops", [(b"content-type", b"text/plain")])
        assert exchange.parts == [b"longer"]

    def test_with_exc_info_after_the_head_went_out(self, caplog: pytest.LogCaptureFixture) -> None:
        """The error is raised again, with its traceback, and the response is cut off."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            yield b"begun"
            try:
                raise ValueError("the cause")
            except ValueError:
                start_response("500 Oops", PLAIN, sys.exc_info())
            yield b"never"

        exchange = call(app)
        assert (exchange.status, exchange.parts) == (200, [b"begun"])
        assert (exchange.finished, exchange.aborted) == (False, True)
        assert "ValueError: the cause" in caplog.text


class TestWrite:
    """The imperative alternative."""

    def test_written_at_once(self) -> None:
        """write() sends before it returns, and what is returned comes after it."""
        exchange = RecordedExchange()

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            write = start_response("200 OK", PLAIN)
            write(b"")
            assert exchange.head is None
            write(b"a")
            assert exchange.parts == [b"a"]
            write(b"b")
            return [b"c"]

        assert call(app, exchange).parts == [b"a", b"b", b"c"]
        assert exchange.finished

    def test_client_that_left_is_told_to_the_application(self) -> None:
        """write() raises an OSError when the client has left."""
        caught = []

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            write = start_response("200 OK", PLAIN)
            try:
                write(b"a")
            except OSError as error:
                caught.append(error)
                raise
            return []

        exchange = call(app, RecordedExchange(leave_at=0))
        assert isinstance(caught[0], ClientDisconnected)
        assert exchange.aborted

    def test_application_that_ignores_that_the_client_left(self) -> None:
        """An application that swallows the error gets it again, and the exchange is given up in the end."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            write = start_response("200 OK", PLAIN)
            for _ in range(3):
                with pytest.raises(OSError, match="left"):
                    write(b"a")
            return []

        assert call(app, RecordedExchange(leave_at=0)).aborted


class TestContentLength:
    """A Content-Length of the application's is a promise that the server keeps."""

    @staticmethod
    def announcing(length: str, parts: Any) -> WSGIApplication:
        """Make an application that announces a length."""
        return answering(parts, [("Content-Length", length)])

    @pytest.mark.parametrize("name", ["Content-Length", "content-length", "CONTENT-LENGTH"])
    def test_passed_on(self, name: str) -> None:
        """However it is spelled, the length goes out, and counts."""
        exchange = call(answering([b"123456"], [(name, "4")]))
        assert (exchange.headers, exchange.parts) == ([(b"content-length", b"4")], [b"1234"])

    @pytest.mark.parametrize(
        "parts", [[b"123456"], [b"123", b"456"], iter([b"123456"]), iter([b"1234", b"56"])]
    )
    def test_body_too_long_is_cut(self, parts: Any, caplog: pytest.LogCaptureFixture) -> None:
        """What is beyond would be taken for the next response: it is cut, and logged once."""
        exchange = call(self.announcing("4", parts))
        assert b"".join(exchange.parts) == b"1234"
        assert (exchange.finished, exchange.aborted) == (True, False)
        assert caplog.text.count("longer than its Content-Length") == 1

    def test_iteration_stops_when_enough_was_sent(self) -> None:
        """A body that is much longer than announced is left when that is seen, and closed."""
        source = iter([b"12345"] * 100)
        body = Parts(source)
        exchange = call(self.announcing("8", body))
        assert (exchange.parts, body.closed) == ([b"12345", b"123"], 1)
        assert len(list(source)) == 98

    def test_application_runs_on_when_the_length_is_reached(self) -> None:
        """What an application does after its last part is done."""
        done = []

        def parts() -> Iterator[bytes]:
            yield b"1234"
            done.append(True)

        assert call(self.announcing("4", parts())).finished
        assert done

    def test_write_too_long(self, caplog: pytest.LogCaptureFixture) -> None:
        """write() sends what is allowed and raises, as PEP 3333 asks."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            write = start_response("200 OK", [("Content-Length", "4")])
            with pytest.raises(RuntimeError, match="more than the Content-Length"):
                write(b"123456")
            return []

        assert call(app).parts == [b"1234"]
        assert "longer than its Content-Length" in caplog.text

    @pytest.mark.parametrize("parts", [[b"12"], [], iter([])])
    def test_body_too_short_before_anything_was_sent(
        self, parts: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A body that is seen to be too short in time is a 500."""
        assert_internal_error(call(self.announcing("4", parts)))
        assert "bytes shorter than its Content-Length" in caplog.text

    def test_body_too_short_after_its_beginning_was_sent(self) -> None:
        """One that was begun is cut off, so that the client can tell."""
        exchange = call(self.announcing("4", iter([b"12"])))
        assert (exchange.parts, exchange.finished, exchange.aborted) == ([b"12"], False, True)

    def test_head(self) -> None:
        """A response to HEAD says the length of GET's body, and may leave that out."""
        exchange = RecordedExchange(http_scope(method="HEAD"))
        assert call(self.announcing("4", []), exchange).finished

    @pytest.mark.parametrize("status", ["304 Not Modified", "204 No Content"])
    def test_status_without_body(self, status: str) -> None:
        """A 304 may say the length of a body that it does not have."""
        assert call(answering([], [("Content-Length", "4")], status)).finished

    @pytest.mark.parametrize("length", ["-1", "x", "", "1.0", "+4", "\xb2", "1 "])
    def test_invalid(self, length: str) -> None:
        """A length that is not a number is refused."""
        assert_internal_error(call(self.announcing(length, [b"1234"])))

    def test_repeated(self) -> None:
        """Two lengths are refused, even when they are equal."""
        headers = [("Content-Length", "4"), ("content-length", "4")]
        assert_internal_error(call(answering([b"1234"], headers)))


def str_of(value: object) -> str:
    """Name a value without its address, so that each run gives the same names to the same tests."""
    return f"{type(value).__name__}-{value}" if isinstance(value, (str, int)) else type(value).__name__


NOT_BYTES = ["text", 7, None, bytearray(b"x"), memoryview(b"x"), ["x"], "", 0]


class TestBody:
    """What a body may be made of."""

    @pytest.mark.parametrize("part", NOT_BYTES, ids=str_of)
    def test_not_bytes(self, part: Any, caplog: pytest.LogCaptureFixture) -> None:
        """Anything but bytes is the application's error, even when it is empty."""
        for parts in ([part], iter([part]), [part, b"x"]):
            assert_internal_error(call(answering(parts)))
        assert f"must be bytes, not {type(part).__name__}" in caplog.text

    @pytest.mark.parametrize("part", NOT_BYTES, ids=str_of)
    def test_not_bytes_after_the_first_part(self, part: Any) -> None:
        """Once something was sent, the response is cut off."""
        exchange = call(answering(iter([b"x", part])))
        assert (exchange.parts, exchange.aborted) == ([b"x"], True)

    @pytest.mark.parametrize("body", [None, 7, "text"])
    def test_not_an_iterable_of_bytes(self, body: Any) -> None:
        """A body that is no iterable, or a string by mistake, is a 500."""
        assert_internal_error(call(answering(body)))


ERRORS = [
    ValueError("went wrong"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    StopIteration("stray"),
]


class TestErrors:
    """Errors of the application never get further than this."""

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_in_the_application(self, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
        """An error before anything was sent is a 500, and logged with its traceback."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            start_response("200 OK", PLAIN)
            raise error

        assert_internal_error(call(app))
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("hybrid.wsgi", logging.ERROR)
        assert record.exc_info is not None
        assert record.exc_info[1] is error

    @pytest.mark.parametrize("error", ERRORS[:-1], ids=repr)
    def test_in_the_iterator(self, error: BaseException) -> None:
        """An error of the iterator is a 500 before its first part, and cuts the response off after that."""
        assert_internal_error(call(answering(Parts(failing_after(error=error)))))
        body = Parts(failing_after(b"begun", error=error))
        exchange = call(answering(body))
        assert (exchange.parts, exchange.finished, exchange.aborted) == ([b"begun"], False, True)
        assert body.closed == 1

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_in_close(self, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
        """An error of close() comes after the response, which is complete; it is logged."""
        exchange = call(answering(Parts([b"all"], error)))
        assert (exchange.parts, exchange.finished) == ([b"all"], True)
        assert "the WSGI application failed" in caplog.text

    def test_log_line_has_no_line_ends_of_the_clients(self, caplog: pytest.LogCaptureFixture) -> None:
        """A path cannot write lines of its own into the log."""
        call(None, RecordedExchange(http_scope(method="POST", path="/a\r\nb\u2028é")))
        assert caplog.messages == ["POST /a\\r\\nb\\u2028\\xe9: the WSGI application failed"]

    def test_application_that_ruins_the_environ(self) -> None:
        """What an application does to its environ does not matter to the server."""

        def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
            environ.clear()
            raise ValueError

        assert_internal_error(call(app))

    def test_client_left_before_the_error_was_answered(self) -> None:
        """A 500 that nobody takes is given up."""
        exchange = call(None, RecordedExchange(leave_at=0))
        assert (exchange.finished, exchange.aborted) == (False, True)

    def test_error_that_cannot_be_answered(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where not even a 500 can be sent, that is logged, and the exchange given up."""

        def broken(*arguments: object) -> None:
            raise RuntimeError("the server is confused")

        exchange = RecordedExchange()
        monkeypatch.setattr(exchange, "start", broken)
        assert call(None, exchange).aborted
        assert "GET /: the error could not be answered" in caplog.messages


def closing_cases() -> dict[str, tuple[Callable[[], Parts], RecordedExchange]]:
    """List ways for a call to end, each with a body and an exchange."""
    return {
        "normally": (lambda: Parts([b"a", b"b"]), RecordedExchange()),
        "empty": (lambda: Parts([]), RecordedExchange()),
        "iterator fails": (lambda: Parts(failing_after(error=ValueError())), RecordedExchange()),
        "iterator fails later": (lambda: Parts(failing_after(b"a", error=ValueError())), RecordedExchange()),
        "SystemExit": (lambda: Parts(failing_after(b"a", error=SystemExit())), RecordedExchange()),
        "not bytes": (lambda: Parts(["a"]), RecordedExchange()),
        "client leaves at once": (lambda: Parts([b"a"]), RecordedExchange(leave_at=0)),
        "client leaves later": (lambda: Parts([b"a", b"b"]), RecordedExchange(leave_at=1)),
        "close fails": (lambda: Parts([b"a"], ValueError()), RecordedExchange()),
    }


class TestClose:
    """close() of the iterable."""

    @pytest.mark.parametrize("case", closing_cases())
    def test_called_once(self, case: str) -> None:
        """However a call ends, the iterable is closed exactly once."""
        make, exchange = closing_cases()[case]
        body = make()
        call(answering(body), exchange)
        assert body.closed == 1

    def test_start_response_missing(self) -> None:
        """The iterable is closed although the application never started a response."""
        body = Parts([b"a"])

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            return body

        call(app)
        assert body.closed == 1

    def test_generator_is_left(self) -> None:
        """A generator of a client that left runs its finally clauses, and no code after the part."""
        left = []

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            try:
                yield b"a"
                left.append("never")
            finally:
                left.append("finally")

        call(app, RecordedExchange(leave_at=0))
        assert left == ["finally"]

    def test_client_that_left_is_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """A client that leaves is no error."""
        exchange = call(answering(iter([b"a"])), RecordedExchange(leave_at=0))
        assert exchange.aborted
        assert not caplog.records


def test_class_as_application() -> None:
    """A class whose instances iterate over the body is an application (PEP 3333, the example)."""

    class App:
        def __init__(self, environ: Environ, start_response: StartResponse) -> None:
            self.start = start_response

        def __iter__(self) -> Iterator[bytes]:
            self.start("200 OK", PLAIN)
            yield b"of a class"

    exchange = call(App)
    headers: Headers = [(b"content-type", b"text/plain")]
    assert exchange.head == (200, "OK", headers)
    assert exchange.parts == [b"of a class"]


class TestEarlyHints:
    """`wsgi.early_hints`: 103 ahead of the response (RFC 8297), as gunicorn has it."""

    LINK = ("Link", "</style.css>; rel=preload")
    ENCODED = (b"link", b"</style.css>; rel=preload")

    @staticmethod
    def hinting(*calls: Any) -> WSGIApplication:
        """Make an application that gives these hints and answers."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            for headers in calls:
                environ["wsgi.early_hints"](headers)
            start_response("200 OK", PLAIN)
            return [b"done"]

        return app

    def test_sent(self) -> None:
        """Each call is an interim response of its own, whatever the fields come in."""
        exchange = call(self.hinting([self.LINK], iter([self.LINK, ("X-A", "\xe9")]), []))
        assert exchange.hints == [(103, [self.ENCODED]), (103, [self.ENCODED, (b"x-a", b"\xe9")]), (103, [])]
        assert exchange.parts == [b"done"]

    def test_bytes(self) -> None:
        """Bytes are taken as well, as gunicorn takes them."""
        assert call(self.hinting([self.ENCODED])).hints == [(103, [self.ENCODED])]

    def test_http_1_0(self) -> None:
        """A client of HTTP/1.0 knows no interim responses (RFC 9110 section 15.2)."""
        exchange = call(self.hinting([self.LINK]), RecordedExchange(http_scope(http_version="1.0")))
        assert (exchange.hints, exchange.status) == ([], 200)

    def test_until_the_head_has_gone(self) -> None:
        """After start_response is in time, after the first part is not: nothing happens then."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            environ["wsgi.early_hints"]([self.LINK])
            yield b"one"
            environ["wsgi.early_hints"]([("Link", "</late>")])
            yield b"two"

        exchange = call(app)
        assert exchange.hints == [(103, [self.ENCODED])]
        assert exchange.parts == [b"one", b"two"]

    @pytest.mark.parametrize(
        "field",
        [
            *[
                ("Link", "a\r\nX: 1"),
                ("Link", "a\n"),
                ("Link", "a\0"),
                ("Li nk", "a"),
                ("", "a"),
                ("Link", "€"),
            ],
            *[("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Content-Length", "1")],
            *[(1, "a"), ("Link", None), (b"Link", b"a\r\n")],
        ],
    )
    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    def test_invalid(self, field: Any, version: str) -> None:
        """What would be refused in a response is refused here, whoever the client is."""
        scope = http_scope(http_version=version)
        exchange = call(self.hinting([self.LINK, field]), RecordedExchange(scope))
        assert_internal_error(exchange)
        assert exchange.hints == []

    def test_after_a_failure(self) -> None:
        """Who keeps the callable reaches nobody with it, not even when there was an error."""
        kept: list[Any] = []

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            kept.append(environ["wsgi.early_hints"])
            raise ValueError

        exchange = call(app)
        kept[0]([self.LINK])
        assert exchange.hints == []


class TestFile:
    """What becomes of a file wrapper that is returned."""

    @staticmethod
    def send(
        file: Any,
        headers: Any = (),
        status: str = "200 OK",
        *,
        first: bytes = b"",
        method: str = "GET",
    ) -> RecordedExchange:
        """Answer with a file, which must be closed in the end."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response(status, [*PLAIN, *headers])(first)
            return FileWrapper(file)

        exchange = call(app, RecordedExchange(http_scope(method=method)))
        assert file.closed
        return exchange

    @pytest.fixture
    def file(self, tmp_path: Path) -> IO[bytes]:
        """Give a file of ten bytes, at its third."""
        path = tmp_path / "file"
        path.write_bytes(b"0123456789")
        file = path.open("rb")
        file.seek(2)
        return file

    def test_region(self, file: IO[bytes]) -> None:
        """A regular file goes out as one, with its length."""
        exchange = self.send(file)
        assert (exchange.parts, exchange.finished, exchange.from_file) == ([b"23456789"], True, True)
        assert exchange.headers == [(b"content-type", b"text/plain"), (b"content-length", b"8")]

    def test_announced_part(self, file: IO[bytes], caplog: pytest.LogCaptureFixture) -> None:
        """A Content-Length below that asks for a part, which is no mistake."""
        exchange = self.send(file, [("Content-Length", "3")], "206 Partial Content")
        assert (exchange.parts, exchange.from_file) == ([b"234"], True)
        assert exchange.headers == [(b"content-type", b"text/plain"), (b"content-length", b"3")]
        assert not caplog.records

    def test_announced_part_that_is_read(self, caplog: pytest.LogCaptureFixture) -> None:
        """So it is with a file that has to be read."""
        exchange = self.send(io.BytesIO(b"0123456789"), [("Content-Length", "3")])
        assert (exchange.parts, exchange.finished, exchange.from_file) == ([b"012"], True, False)
        assert not caplog.records

    def test_after_other_parts(self, file: IO[bytes]) -> None:
        """What was written before counts."""
        exchange = self.send(file, [("Content-Length", "5")], first=b"ab")
        assert (exchange.parts, exchange.from_file) == ([b"ab", b"234"], True)
        assert exchange.finished

    def test_after_other_parts_of_unknown_length(self, file: IO[bytes]) -> None:
        """The head that has gone out cannot get a length any more."""
        exchange = self.send(file, first=b"ab")
        assert (exchange.parts, exchange.headers) == (
            [b"ab", b"23456789"],
            [(b"content-type", b"text/plain")],
        )

    def test_too_short(self, file: IO[bytes]) -> None:
        """A file shorter than announced is an error."""
        exchange = self.send(file, [("Content-Length", "9")])
        assert (exchange.status, exchange.from_file) == (500, False)

    def test_too_short_after_other_parts(self, file: IO[bytes]) -> None:
        """It cuts the response off when that has begun."""
        exchange = self.send(file, [("Content-Length", "11")], first=b"ab")
        assert (exchange.parts, exchange.aborted) == ([b"ab"], True)

    def test_empty(self, tmp_path: Path) -> None:
        """An empty file is an empty body."""
        path = tmp_path / "empty"
        path.touch()
        exchange = self.send(path.open("rb"))
        assert (exchange.parts, exchange.finished) == ([], True)

    def test_head(self, file: IO[bytes]) -> None:
        """The answer to HEAD has the length, and nothing of the file."""
        exchange = self.send(file, method="HEAD")
        assert (exchange.parts, exchange.finished, exchange.from_file) == ([], True, False)
        assert (b"content-length", b"8") in exchange.headers

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    def test_no_body(self, file: IO[bytes], status: str) -> None:
        """Nor have statuses without a body, which get no length of ours."""
        exchange = self.send(file, [], status)
        assert (exchange.parts, exchange.finished) == ([], True)
        assert exchange.headers == [(b"content-type", b"text/plain")]

    def test_start_response_missing(self, file: IO[bytes]) -> None:
        """Without start_response it is a 500 as ever."""
        wrapper: Any = FileWrapper(file)
        exchange = call(lambda *_: wrapper)
        assert exchange.status == 500
        assert file.closed
