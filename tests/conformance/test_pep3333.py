"""PEP 3333, in its own order, on both paths of the bridge: direct, in HTTP/1.1 and HTTP/2, and under somebody
else's ASGI server.
"""

import hashlib
import http.client
import json
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.apps.wsgi_big import pattern
from tests.support.bridges import WAYS, Answer, Bridge, ask, bridge_to
from tests.support.http2_clients import Head, Response
from tests.support.http_versions import CutOff

NAMES = (
    *(
        "answer",
        "barrier",
        "big",
        "class",
        "closing",
        "endless",
        "environ",
        "errors",
        "events",
        "file",
        "files",
    ),
    *("hints", "input", "left", "raising", "start", "stepping", "upload", "validated", "write"),
)
TARGETS = [
    *(f"/{name}=tests.apps.checked:{name}" for name in NAMES),
    # These have a pool or a router of their own, and so are no WSGI applications any more.
    *(f"/{name}=tests.apps.wsgi_{name}" for name in ("context", "one_thread")),
]

#: What tests/apps/wsgi_errors.py writes in front of the query.
WRITTEN = ("written", "first", "second")

on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture(scope="module", params=WAYS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve all the applications, each below its name."""
    with bridge_to(request.param, TARGETS, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Give the requests of a test a name of their own, in the events and in the log."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


def assert_internal_error(answer: Answer) -> None:
    """The client got a 500 of the bridge's, and nothing of what the application had in mind."""
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert not any(name.lower().startswith("x-") for name, _ in answer.headers)


class TestApplicationSide:
    """The Application/Framework Side."""

    def test_class(self, bridge: Bridge) -> None:
        """A class whose instances iterate over the response is an application."""
        assert bridge.ask("/class").body == b"an instance"

    def test_called_once(self, bridge: Bridge, name: str) -> None:
        """Each request calls the application once."""
        bridge.ask(f"/closing/{name}?normal")
        assert bridge.events(name).count("called") == 1


class TestServerSide:
    """The Server/Gateway Side."""

    @pytest.mark.parametrize("body", [b"", b"one line", b"one\ntwo\n\nthree\nfour", b"x" * 200_000])
    @pytest.mark.parametrize("how", ["one", "iterate"])
    def test_validator(self, bridge: Bridge, body: bytes, how: str) -> None:
        """wsgiref.validate, between application and server, finds nothing wrong with the server."""
        answer = bridge.ask(f"/validated?{how}", body)
        assert (answer.status, answer.body) == (200, body)
        assert answer.header("x-length") == str(len(body))

    def test_each_part_is_sent_before_the_next_is_asked_for(self, bridge: Bridge, name: str) -> None:
        """The application yields its next part only when the client has the one before."""
        exchange = bridge.start(f"/stepping/{name}")
        for number in (b"1", b"2", b"3"):
            bridge.step(name)
            assert exchange.read_until(number) == number
        assert exchange.read_all() == b""
        bridge.wait_for_event(name, "complete")

    @pytest.mark.parametrize(
        ("how", "whole"),
        [
            *[("normal", True), ("empty", True), ("close-error", True), ("error", True), ("text", True)],
            *[("late-error", False), ("exit", False)],
        ],
    )
    def test_close_is_called_once(self, bridge: Bridge, name: str, how: str, whole: bool) -> None:
        """close() is called once, also when the iterator, the body or close() itself is wrong."""
        exchange = bridge.start(f"/closing/{name}?{how}")
        exchange.rest()
        assert exchange.whole == whole
        assert bridge.wait_for_event(name, "closed") == ["called", "closed"]

    def test_close_is_called_when_the_client_leaves(self, bridge: Bridge, name: str) -> None:
        """A client that leaves in the middle ends the iteration; the generator's finally clauses run."""
        exchange = bridge.start(f"/endless/{name}", receive_buffer=8192)
        assert exchange.read()
        exchange.leave()
        assert bridge.wait_for_event(name, "closed") == ["begun", "closed"]
        assert name not in bridge.server.stderr  # it is nobody's error

    def test_write_raises_when_the_client_leaves(self, bridge: Bridge, name: str) -> None:
        """write() raises an OSError of ours."""
        exchange = bridge.start(f"/endless/{name}?write", receive_buffer=8192)
        assert exchange.read()
        exchange.leave()
        events = bridge.wait_for_event(name, "write raised ClientDisconnected")
        assert events == ["begun", "write raised ClientDisconnected"]

    def test_client_that_leaves_before_the_response(self, bridge: Bridge, name: str) -> None:
        """The application can ask whether the client is there; what it sends to nobody is dropped."""
        exchange = bridge.start(f"/left/{name}")
        bridge.wait_for_event(name, "waiting")
        exchange.leave()
        assert bridge.wait_for_event(name, "closed") == ["waiting", "disconnected: True", "closed"]
        assert name not in bridge.server.stderr

    @pytest.mark.parametrize("state", ["stepping", "endless"])
    def test_thread_is_free_when_the_client_has_left(self, bridge: Bridge, name: str, state: str) -> None:
        """The pool of one thread answers the next client, whether it was waiting or writing."""
        exchange = bridge.start(f"/one_thread/{state}/{name}", receive_buffer=8192)
        if state == "stepping":
            bridge.wait_for_event(name, "waiting")
        else:
            assert exchange.read()
        exchange.leave()
        for _ in range(3):
            bridge.step(name)
        assert bridge.ask("/one_thread/").body == b"the thread is free"
        assert bridge.events(name)[-1] in ("left", "closed")


class TestEnviron:
    """environ Variables."""

    def environ(self, bridge: Bridge, target: str = "/environ", **headers: str) -> dict[str, Any]:
        """Return the environ of a request."""
        return {key: value for key, (_, value) in bridge.ask(target, **headers).json.items()}

    def test_types(self, bridge: Bridge) -> None:
        """The environ is a dict, and what is not `wsgi.` or ours is a native string."""
        shown = bridge.ask("/environ/x?y=z", b"body", content_type="text/plain").json
        assert shown["type(environ)"][1] == "dict"
        assert {kind for key, (kind, _) in shown.items() if "." not in key} == {"str"}

    def test_values(self, bridge: Bridge) -> None:
        """The CGI variables of a request."""
        environ = self.environ(bridge, "/environ/a/b?c=%20d", x_some_field="some value", accept="*/*")
        host, port = environ["REMOTE_ADDR"], environ["REMOTE_PORT"]
        assert (host, port.isdigit()) == ("127.0.0.1", True)
        wanted = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "/environ",
            "PATH_INFO": "/a/b",
            "QUERY_STRING": "c=%20d",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(bridge.port),
            "SERVER_PROTOCOL": "HTTP/2.0" if bridge.version == "2" else "HTTP/1.1",
            "HTTP_HOST": f"127.0.0.1:{bridge.port}",
            "HTTP_ACCEPT": "*/*",
            "HTTP_X_SOME_FIELD": "some value",
        }
        assert {key: environ.get(key) for key in wanted} == wanted
        assert not {"CONTENT_TYPE", "CONTENT_LENGTH"} & environ.keys()

    def test_content(self, bridge: Bridge) -> None:
        """CONTENT_TYPE and CONTENT_LENGTH have no HTTP_ in front."""
        shown = bridge.ask("/environ", b"four", content_type="text/x").json
        assert (shown["CONTENT_TYPE"][1], shown["CONTENT_LENGTH"][1]) == ("text/x", "4")
        assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & shown.keys()

    @pytest.mark.parametrize("method", ["PATCH", "M-SEARCH"])
    def test_request_method(self, bridge: Bridge, method: str) -> None:
        """REQUEST_METHOD is what the client sent."""
        assert bridge.ask("/environ", method=method).json["REQUEST_METHOD"] == ["str", method]

    def test_old_protocol(self, bridge: Bridge) -> None:
        """SERVER_PROTOCOL is what the client speaks, be it an old one."""
        bridge.needs_http11("an older version")
        answer = bridge.raw(b"GET /environ HTTP/1.0\r\nHost: x\r\n\r\n")
        environ = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
        assert environ["SERVER_PROTOCOL"] == ["str", "HTTP/1.0"]

    def test_wsgi_variables(self, bridge: Bridge) -> None:
        """The variables that PEP 3333 requires, and wsgi.input_terminated."""
        environ = self.environ(bridge)
        wanted = {
            "wsgi.version": [1, 0],
            "wsgi.url_scheme": "http",
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }
        assert {key: environ[key] for key in wanted} == wanted
        assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= environ.keys()

    @pytest.mark.parametrize(
        ("sent", "path_info"),
        [
            ("/a%20b", b"/a b"),
            ("/%C3%A9/%E2%82%AC", "/é/€".encode()),
            ("/%E9%FF", b"/\xe9\xff"),
            ("/%C3%28", b"/\xc3("),
            ("/a%2Fb", b"/a/b"),
            ("", b""),
            ("/", b"/"),
        ],
    )
    def test_path_info(self, bridge: Bridge, sent: str, path_info: bytes) -> None:
        """PATH_INFO has the bytes that the client encoded, be they UTF-8 or not, as latin-1."""
        environ = bridge.ask(f"/environ{sent}").json
        assert environ["SCRIPT_NAME"][1] == "/environ"
        assert environ["PATH_INFO"][1].encode("latin-1") == path_info

    def fields(self, bridge: Bridge, *lines: str) -> dict[str, str]:
        """Return the HTTP_ variables of these header lines."""
        environ = json.loads(bridge.start("/environ", *lines).read_all())
        return {key: value for key, (_, value) in environ.items() if key.startswith("HTTP_X")} | {
            "cookie": environ.get("HTTP_COOKIE", [0, ""])[1],
            "proxy": environ.get("HTTP_PROXY", [0, ""])[1],
        }

    def test_repeated_fields(self, bridge: Bridge) -> None:
        """Repeats are joined with a comma, cookies with a semicolon."""
        fields = self.fields(bridge, "X-A: 1", "Cookie: a=1", "X-A: 2", "Cookie: b=2")
        assert (fields["HTTP_X_A"], fields["cookie"]) == ("1,2", "a=1; b=2")

    def test_latin_1(self, bridge: Bridge) -> None:
        """Values outside ASCII are latin-1."""
        assert self.fields(bridge, "X-A: \xe9")["HTTP_X_A"] == "\xe9"

    def test_forged_fields(self, bridge: Bridge) -> None:
        """Names with underscores, and Proxy, which could pass for something else, are dropped."""
        fields = self.fields(bridge, "X_Forged: 1", "X-Forged: 2", "Proxy: http://evil")
        assert (fields["HTTP_X_FORGED"], fields["proxy"]) == ("2", "")


@pytest.mark.parametrize("path", WAYS)
class TestOtherListeners:
    """environ Variables, of servers that listen elsewhere."""

    def test_root_path(self, path: Any, tmp_path: Path) -> None:
        """--root-path goes in front of SCRIPT_NAME."""
        with bridge_to(path, TARGETS[:8], tmp_path, root_path="/prefix") as bridge:
            shown = bridge.ask("/environ/%E9").json
        assert shown["SCRIPT_NAME"][1] == "/prefix/environ"
        assert shown["PATH_INFO"][1] == "/\xe9"
        assert shown["request_uri"][1] == f"http://127.0.0.1:{bridge.port}/prefix/environ/%E9"

    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")
    def test_unix_socket(self, path: Any, tmp_path: Path) -> None:
        """Behind a Unix socket the name and port are those that the client asked for."""
        with bridge_to(path, TARGETS[:8], tmp_path, uds=str(tmp_path / "socket")) as bridge:
            shown = bridge.ask("/environ").json
        assert (shown["SERVER_NAME"], shown["SERVER_PORT"]) == (["str", "example.org"], ["str", "80"])
        assert shown["REMOTE_ADDR"] == ["str", ""]


class TestInputAndErrors:
    """Input and Error Streams."""

    TEXT = b"one\ntwo\n\nlast"

    @pytest.mark.parametrize(
        ("calls", "results"),
        [
            ("read()", ["one\ntwo\n\nlast"]),
            ("read(2);read(3);read(0);read(99);read(1)", ["on", "e\nt", "", "wo\n\nlast", ""]),
            ("readline(2);readline(9);readline();readline()", ["on", "e\n", "two\n", "\n"]),
            ("readlines(7);readline();readline()", [["one\n", "two\n"], "\n", "last"]),
            ("readlines(5);readlines();readlines()", [["one\n", "two\n"], ["\n", "last"], []]),
            ("iterate;iterate", [["one\n", "two\n", "\n", "last"], []]),
            ("readline();iterate", ["one\n", ["two\n", "\n", "last"]]),
        ],
    )
    @pytest.mark.parametrize("before", [0, 100_000])
    def test_input(self, bridge: Bridge, calls: str, results: list[Any], before: int) -> None:
        """wsgi.input reads as a binary file, in memory and on disk, to the end of the body and no further."""
        skip = f"read({before});" if before else ""
        answer = bridge.ask(f"/input?{skip}{calls}", b"x" * before + self.TEXT).json
        assert answer["results"][bool(before) :] == results
        assert answer["file"] == ("BufferedRandom" if before else "BytesIO")

    def test_no_body(self, bridge: Bridge) -> None:
        """Without a body there is nothing to read, and nobody waits for any."""
        assert bridge.ask("/input?read();readline();iterate").json["results"] == ["", "", []]

    @pytest.mark.parametrize("size", [1, 65_536, 65_537, 5_000_000])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_upload(self, bridge: Bridge, size: int, chunked: bool) -> None:
        """A body of any size arrives, whole and with its length, from memory or from disk."""
        body = os.urandom(size)
        parts = iter([body[:100], body[100:70_000], body[70_000:]]) if chunked else body
        told = bridge.ask("/upload", parts).json
        assert told == {
            "size": size,
            "sha256": hashlib.sha256(body).hexdigest(),
            "file": "BufferedRandom" if size > 65_536 else "BytesIO",
            "content_length": str(size),
            "transfer_encoding": None,
        }

    @on_linux
    def test_large_upload(self, bridge: Bridge) -> None:
        """An upload that is larger than all buffers arrives, and memory stays where it was."""
        size = 64 << 20
        bridge.ask("/upload", b"x" * 200_000)
        before = bridge.peak_memory()
        told = bridge.ask(
            "/upload", (bytes(1 << 16) for _ in range(size >> 16)), content_length=str(size)
        ).json
        assert told["size"] == size
        assert bridge.peak_memory() - before < 32 << 20

    @on_linux
    def test_files_are_closed(self, bridge: Bridge, name: str) -> None:
        """When a request is over, its file is closed: nothing is open that was not open before."""
        folder = Path(f"/proc/{bridge.server.pid}/fd")

        def deleted_files() -> int:
            return sum("(deleted)" in link for link in map(link_of, folder.iterdir()))

        def link_of(file: Path) -> str:
            with suppress(FileNotFoundError):  # closed since
                return str(file.readlink())
            return ""

        for _ in range(5):
            bridge.ask("/upload", b"x" * 100_000)
        exchange = bridge.start("/upload", "Content-Length: 999999", method="POST", ends=False)
        exchange.send(b"x" * 200_000)
        exchange.leave()
        bridge.ask(f"/events/{name}")
        for _ in range(1000):
            if deleted_files() == 0:
                break
            bridge.ask(f"/events/{name}")
        assert deleted_files() == 0

    def test_errors(self, bridge: Bridge, name: str) -> None:
        """wsgi.errors ends up where the server logs, line by line; control characters are escaped."""
        bridge.ask(f"/errors?{name}%1B%0Dx")
        lines = [rf"^(.* ERROR hybrid\.wsgi\.errors: )?{word} {name}\\x1b\\rx$" for word in WRITTEN]
        bridge.server.wait_for_stderr(re.compile("\n".join(lines), re.MULTILINE))


class TestStartResponse:
    """The start_response() Callable."""

    def test_status_and_headers(self, bridge: Bridge) -> None:
        """Status and fields go out as given, repeats in order, values in latin-1."""
        headers = [["X-One", "\xe9"], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["x-two", ""]]
        answer = bridge.answer(status="418 I am a teapot", headers=headers, parts=["tea"])
        assert (answer.status, answer.body) == (418, b"tea")
        assert (answer.header("x-one"), answer.header("x-two")) == ("\xe9", "")
        assert answer.header("set-cookie") == "a=1, b=2"
        if (bridge.path, bridge.version) == ("direct", "1.1"):
            assert answer.reason == "I am a teapot"  # ASGI has no place for it, and HTTP/2 none

    def test_exc_info_is_optional(self, bridge: Bridge) -> None:
        """The third argument may be given as None."""
        assert bridge.ask("/start?keyword").body == b"positional"

    def test_late(self, bridge: Bridge) -> None:
        """start_response may be called inside the iterator, before its first part that is not empty."""
        answer = bridge.ask("/start?late")
        assert (answer.status, answer.header("x-late"), answer.body) == (201, "yes", b"late")

    @pytest.mark.parametrize("how", ["never", "twice"])
    def test_called_wrongly(self, bridge: Bridge, name: str, how: str) -> None:
        """A body without start_response, and a second call without exc_info, are errors."""
        assert_internal_error(bridge.ask(f"/start/{name}?{how}"))
        bridge.server.wait_for_stderr(f"GET /start/{name}: the WSGI application failed")

    @pytest.mark.parametrize("how", ["replaced", "replaced_in_iterator"])
    def test_exc_info_before_the_head_went_out(self, bridge: Bridge, how: str) -> None:
        """As nothing was sent, the second head replaces the first: it was held back until then."""
        answer = bridge.ask(f"/start?{how}")
        assert (answer.status, answer.body) == (503, b"replaced")
        assert answer.header("x-old") is None

    def test_exc_info_after_the_head_went_out(self, bridge: Bridge, name: str) -> None:
        """The error is raised again and logged, and the response is cut off, for the client to see."""
        exchange = bridge.start(f"/start/{name}?too_late")
        assert exchange.head().status == 200
        assert exchange.rest() == b"begun"
        assert not exchange.whole
        bridge.server.wait_for_stderr("ValueError: the reason")

    @pytest.mark.parametrize(
        "field",
        [
            *[["X-A", "a\r\nX-Injected: b"], ["X-A", "a\nb"], ["X-A", "a\0b"], ["X-A\r\nX-B", "a"]],
            *[["X A", "a"], ["", "a"], ["X-A", "\u20ac"], ["X-A", 1], [1, "a"]],
        ],
    )
    def test_invalid_header(self, bridge: Bridge, name: str, field: Any) -> None:
        """A field that would inject another, or is no string of latin-1, is a 500 and a log line."""
        order = {"headers": [["X-Good", "1"], field], "parts": ["x"]}
        assert_internal_error(bridge.ask(f"/answer/{name}", json.dumps(order)))
        bridge.server.wait_for_stderr(f"POST /answer/{name}: the WSGI application failed")

    @pytest.mark.parametrize(
        "status", ["", "OK", "2000 OK", "99 Low", "100 Continue", "600 High", "200 O\nK"]
    )
    def test_invalid_status(self, bridge: Bridge, status: str) -> None:
        """So is a status that is none."""
        assert_internal_error(bridge.answer(status=status, parts=["x"]))


class TestContentLength:
    """Handling the Content-Length Header."""

    @pytest.mark.parametrize("parts", [["whole"], [], [""]])
    @pytest.mark.parametrize("iterate", [False, True])
    def test_one_part(self, bridge: Bridge, parts: list[str], iterate: bool) -> None:
        """A body of one part in a list, or of none, gets a Content-Length."""
        answer = bridge.answer(parts=parts, iterate=iterate)
        assert answer.body.decode() == "".join(parts)
        if not (iterate and answer.body):
            assert answer.header("content-length") == str(len(answer.body))
            assert answer.header("transfer-encoding") is None

    def test_several_parts(self, bridge: Bridge) -> None:
        """A body of several parts is chunked, which HTTP/2 has no need of."""
        answer = bridge.answer(parts=["one", "", "two"])
        coding = "chunked" if bridge.version == "1.1" else None
        assert (answer.header("transfer-encoding"), answer.body) == (coding, b"onetwo")

    def test_several_parts_to_an_old_client(self, bridge: Bridge) -> None:
        """HTTP/1.0 has no chunks: the end of the connection ends the body."""
        bridge.needs_http11("an older version")
        if bridge.path == "uvicorn":
            pytest.skip("uvicorn sends chunks to HTTP/1.0 clients too")
        response = bridge.raw(b"GET /start?late HTTP/1.0\r\n\r\n")
        assert response.endswith(b"\r\n\r\nlate")
        assert b"chunked" not in response

    @pytest.mark.parametrize("parts", [["123456"], ["12", "34", "56"], ["1234", "56"]])
    @pytest.mark.parametrize("iterate", [False, True])
    def test_body_too_long(self, bridge: Bridge, name: str, parts: list[str], iterate: bool) -> None:
        """What is beyond the announced length is cut and logged, and the next response is intact."""
        order = {"headers": [["Content-Length", "4"]], "parts": parts, "iterate": iterate}
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, f"/answer/{name}", json.dumps(order))
                assert (answer.status, answer.body) == (200, b"1234")
        bridge.server.wait_for_stderr(
            f"POST /answer/{name}: the application's body is longer than its Content-Length, and was cut"
        )

    @pytest.mark.parametrize("parts", [["12"], []])
    def test_body_too_short(self, bridge: Bridge, parts: list[str]) -> None:
        """A body that is seen to be too short before anything was sent is a 500."""
        assert_internal_error(bridge.answer(headers=[["Content-Length", "4"]], parts=parts))

    def test_body_too_short_after_its_beginning(self, bridge: Bridge, name: str) -> None:
        """Otherwise the response is cut off, so that the client does not wait for the rest."""
        order = json.dumps({"headers": [["Content-Length", "4"]], "parts": ["1", "2"]})
        exchange = bridge.start(f"/answer/{name}", f"X-Answer: {order}")
        assert exchange.rest() == b"12"
        assert not exchange.whole
        bridge.server.wait_for_stderr(f"GET /answer/{name}: the WSGI application failed")

    @pytest.mark.parametrize("length", ["x", "-1", "1.5", ""])
    def test_invalid(self, bridge: Bridge, length: str) -> None:
        """A length that is no number is a 500."""
        assert_internal_error(bridge.answer(headers=[["Content-Length", length]], parts=["x"]))


class TestStreaming:
    """Buffering and Streaming."""

    def test_many_parts(self, bridge: Bridge) -> None:
        """Thousands of small parts arrive, in order."""
        answer = bridge.ask("/big?40000/10")
        assert answer.body == pattern(0, 40_000)

    @pytest.mark.parametrize("part", ["all", "1000000", "65536"])
    @pytest.mark.parametrize("length", ["", "/length"])
    def test_large_parts(self, bridge: Bridge, part: str, length: str) -> None:
        """So do large ones, beyond all buffers, and the connection lives on."""
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, f"/big?5000000/{part}{length}")
                assert answer.body == pattern(0, 5_000_000)

    @on_linux
    def test_slow_reader(self, bridge: Bridge, name: str) -> None:
        """However slowly a client reads, the application is not asked for much more than that, and memory
        stays where it was.
        """
        size, ahead = 60_000_000, 26_000_000  # a spool, and what the system buffers
        bridge.ask("/big?1000000/65536")
        before = bridge.peak_memory()
        exchange = bridge.start(f"/big/{name}?{size}/65536/length", receive_buffer=262_144)
        body = bytearray(exchange.read())
        bridge.wait_for_event(name, "0")
        for goal in range(0, size + 1, size // 5):
            while len(body) < goal:
                body += exchange.read()
            produced = [int(event) for event in bridge.events(name) if event.isdigit()]
            assert max(produced) < len(body) + ahead
        assert bytes(body) == pattern(0, size)
        assert bridge.peak_memory() - before < 12_000_000


class TestWrite:
    """The write() Callable."""

    def test_sent_at_once(self, bridge: Bridge, name: str) -> None:
        """What is written has been sent when write() returns, and what is returned comes after it."""
        exchange = bridge.start(f"/write/{name}")
        assert exchange.read_until(b"written, ") == b"written, "
        bridge.step(name)
        assert exchange.read_all() == b"written again, returned"
        assert bridge.events(name) == ["True"]


class TestUnicode:
    """Unicode Issues."""

    @pytest.mark.parametrize("part", [None, 7, ["text"], {"a": "b"}])
    @pytest.mark.parametrize("iterate", [False, True])
    def test_body_must_be_bytes(self, bridge: Bridge, name: str, part: Any, iterate: bool) -> None:
        """A body of anything but bytes is a 500."""
        order = {"parts": [part], "iterate": iterate}
        assert_internal_error(bridge.ask(f"/answer/{name}", json.dumps(order)))
        bridge.server.wait_for_stderr("must be bytes, not ")


class TestErrorHandling:
    """Error Handling."""

    ERRORS = ("ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError")

    @pytest.mark.parametrize("error", ERRORS)
    @pytest.mark.parametrize("where", ["", "-iterator"])
    def test_before_the_first_part(self, bridge: Bridge, name: str, error: str, where: str) -> None:
        """Whatever an application raises before anything was sent is a 500, and the server goes on."""
        assert_internal_error(bridge.ask(f"/raising/{name}?{error}{where}"))
        bridge.server.wait_for_stderr(f"GET /raising/{name}: the WSGI application failed")
        assert bridge.ask("/class").status == 200

    @pytest.mark.parametrize("error", ERRORS)
    def test_after_the_first_part(self, bridge: Bridge, name: str, error: str) -> None:
        """After that it cuts the response off."""
        exchange = bridge.start(f"/raising/{name}?{error}-middle")
        assert b"begun" in exchange.rest()
        assert not exchange.whole
        assert bridge.ask("/class").status == 200


class TestExpectContinue:
    """HTTP 1.1 Expect/Continue."""

    def test_body_that_waits(self, bridge: Bridge) -> None:
        """A client that waits for 100 gets it, and then the response."""
        fields = ("Content-Length: 4", "Expect: 100-continue")
        exchange = bridge.start("/upload", *fields, method="POST", ends=False)
        assert exchange.wait_for_interim().status == 100
        exchange.send(b"body")
        exchange.end()
        assert exchange.response().status == 200


class TestOtherFeatures:
    """Other HTTP Features."""

    @pytest.mark.parametrize("headers", [[], [["Content-Length", "4"]]])
    @pytest.mark.parametrize("parts", [["body"], ["bo", "dy"], []])
    def test_head(self, bridge: Bridge, headers: Any, parts: list[str]) -> None:
        """A response to HEAD has no body, whatever the application gives, and GET's length if known."""
        order = json.dumps({"headers": headers, "parts": parts})
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, "/answer", method="HEAD", x_answer=order)
                assert (answer.status, answer.body) == (200, b"")
                assert answer.header("content-length") == ("4" if headers or parts == ["body"] else None)

    @pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "304 Not Modified"])
    @pytest.mark.parametrize("parts", [["body"], ["bo", "dy"], []])
    @pytest.mark.parametrize("headers", [[], [["Content-Length", "4"]]])
    def test_status_without_body(self, bridge: Bridge, status: str, parts: list[str], headers: Any) -> None:
        """204, 205 and 304 have no body, and what follows on the connection is the next response."""
        order = json.dumps({"status": status, "headers": [*headers, ["ETag", '"x"']], "parts": parts})
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, "/answer", x_answer=order)
                assert (answer.status, answer.header("etag"), answer.body) == (int(status[:3]), '"x"', b"")
                if status[:3] == "204":
                    assert answer.header("content-length") is None
            assert ask(connection, "/class").body == b"an instance"

    @pytest.mark.parametrize(
        "field", ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Trailer"]
    )
    def test_hop_by_hop(self, bridge: Bridge, field: str) -> None:
        """Fields of the connection are the server's: an application that sends them is in error."""
        assert_internal_error(bridge.answer(headers=[[field, "close"]], parts=["x"]))


class TestThreads:
    """Thread Support."""

    def test_requests_run_at_once(self, bridge: Bridge) -> None:
        """Sixteen requests, as many as there are threads, are inside the application at once."""
        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(lambda _: bridge.ask("/barrier?16"), range(16)))
        assert [answer.body for answer in answers] == [b"together"] * 16

    def test_context(self, bridge: Bridge) -> None:
        """Context variables flow from the loop to the thread, and not from one request to the next there;
        what is in threading.local stays.
        """
        with closing(bridge.connection()) as connection:
            first, second = (ask(connection, f"/context?{word}").json for word in ("one", "two"))
        assert (first["of_the_loop"], second["of_the_loop"]) == ("one", "two")
        assert second["of_the_thread"] == "unset"
        assert second["requests"] == first["requests"] + 1
        assert first["thread"] == second["thread"] == "context-1"

    def test_pool_is_full(self, bridge: Bridge, name: str) -> None:
        """A request beyond the queue is refused with 503 and Retry-After; what was taken is answered."""
        running = bridge.start(f"/one_thread/stepping/{name}")
        bridge.wait_for_event(name, "waiting")
        with ThreadPoolExecutor(12) as clients:
            answers = [clients.submit(bridge.ask, "/one_thread/") for _ in range(12)]
            refused = [each.result() for each in _first_done(answers, 10)]
            for _ in range(3):
                bridge.step(name)
            served = [each.result() for each in answers if each.result().status == 200]
        assert {answer.status for answer in refused} == {503}
        assert all(str(answer.header("retry-after")).isdigit() for answer in refused)
        assert [answer.body for answer in served] == [b"the thread is free"] * 2
        assert running.read_all() == b"123"


def _first_done(futures: list[Any], number: int) -> list[Any]:
    """Return the futures that are done, once there are so many."""
    done = as_completed(futures, timeout=20)
    return [next(done) for _ in range(number)]


class TestUrlReconstruction:
    """URL Reconstruction."""

    @pytest.mark.parametrize(
        "target", ["/environ", "/environ/", "/environ/a%20b/%C3%A9?x=%20y", "/environ/%FF"]
    )
    def test_same_url(self, bridge: Bridge, target: str) -> None:
        """The recipe gives the URL that the client asked for."""
        shown = bridge.ask(target).json
        assert shown["request_uri"][1] == f"http://127.0.0.1:{bridge.port}{target}"


class TestFileWrapper:
    """Optional Platform-Specific File Handling."""

    def test_file_wrapper(self, bridge: Bridge, name: str) -> None:
        """A file is sent from where it stands, and closed."""
        answer = bridge.ask(f"/file/{name}")
        assert answer.body == pattern(0, 300_000)
        assert answer.header("content-length") == "300000"
        assert bridge.wait_for_event(name, "closed") == ["closed"]

    @pytest.mark.parametrize("kind", ["plain", "named", "memory", "pipe", "gzip"])
    @pytest.mark.parametrize("size", [0, 1, 200_000])
    @pytest.mark.parametrize("wrapped", ["", "&wrapped=1"])
    def test_whole_file(self, bridge: Bridge, name: str, kind: str, size: int, wrapped: str) -> None:
        """A file of any kind is sent whole and closed once; a regular one with its length."""
        with closing(bridge.connection()) as connection:
            answer = ask(connection, f"/files/{name}?kind={kind}&size={size}{wrapped}")
            assert (answer.status, answer.body) == (200, pattern(0, size))
            if kind in ("plain", "named") and not wrapped:
                assert answer.header("content-length") == str(size)
            assert ask(connection, "/class").body == b"an instance"
        assert bridge.wait_for_event(name, "closed") == ["closed"]

    @pytest.mark.parametrize("kind", ["plain", "memory"])
    @pytest.mark.parametrize(("offset", "length"), [(0, 10), (7, 100_000), (150_000, 50_000), (5, 0)])
    def test_part_of_a_file(self, bridge: Bridge, name: str, kind: str, offset: int, length: int) -> None:
        """From its position on, as much as Content-Length says; that is no error of the application's."""
        query = f"kind={kind}&size=200000&offset={offset}&length={length}&status=206+Partial+Content"
        with closing(bridge.connection()) as connection:
            answer = ask(connection, f"/files/{name}?{query}")
            assert (answer.status, answer.body) == (206, pattern(offset, length))
            assert ask(connection, "/class").body == b"an instance"
        assert name not in bridge.server.stderr

    @pytest.mark.parametrize("first", ["", "&first=start"])
    def test_file_too_short(self, bridge: Bridge, name: str, first: str) -> None:
        """A file that is shorter than its Content-Length is an error as any short body is."""
        exchange = bridge.start(f"/files/{name}?kind=plain&size=100&length=200{first}")
        assert exchange.head().status == (200 if first else 500)
        exchange.rest()
        assert exchange.whole != bool(first)
        bridge.server.wait_for_stderr(f"GET /files/{name}: the WSGI application failed")

    @pytest.mark.parametrize("length", ["", "&length=200005"])
    def test_file_after_write(self, bridge: Bridge, name: str, length: str) -> None:
        """A file comes after what was written before it."""
        answer = bridge.ask(f"/files/{name}?kind=plain&size=200000&first=start{length}")
        assert answer.body == b"start" + pattern(0, 200_000)

    @pytest.mark.parametrize("kind", ["plain", "memory"])
    def test_head_of_a_file(self, bridge: Bridge, name: str, kind: str) -> None:
        """HEAD says the length of a regular file, and sends nothing of it."""
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, f"/files/{name}?kind={kind}&size=300000", method="HEAD")
                assert (answer.status, answer.body) == (200, b"")
                assert answer.header("content-length") == ("300000" if kind == "plain" else None)
        assert bridge.wait_for_event(name, "closed", 2) == ["closed"] * 2

    @pytest.mark.parametrize("status", ["204+No+Content", "205+Reset+Content", "304+Not+Modified"])
    @pytest.mark.parametrize("length", ["", "&length=5"])
    def test_file_without_body(self, bridge: Bridge, name: str, status: str, length: str) -> None:
        """204, 205 and 304 send nothing of a file either."""
        with closing(bridge.connection()) as connection:
            for _ in range(2):
                answer = ask(connection, f"/files/{name}?kind=plain&size=300&status={status}{length}")
                assert (answer.status, answer.body) == (int(status[:3]), b"")

    def test_client_leaves_a_file(self, bridge: Bridge, name: str) -> None:
        """A file is closed once, also when the client goes away in the middle."""
        exchange = bridge.start(f"/files/{name}?kind=sparse&size=50000000", receive_buffer=8192)
        assert exchange.read()
        exchange.leave()
        assert bridge.wait_for_event(name, "closed") == ["closed"]


def test_keep_alive(bridge: Bridge) -> None:
    """Many requests on one connection, of every kind, are answered each with its own."""
    with closing(bridge.connection()) as connection:
        for number in range(50):
            assert ask(connection, "/upload", b"x" * number).json["size"] == number
            assert ask(connection, f"/big?{number}/7").body == pattern(0, number)
            assert connection.sock is not None


def test_incomplete_response_is_an_error_for_clients(bridge: Bridge) -> None:
    """An HTTP client says that a response was cut off, and does not take it for whole."""
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError, CutOff)):
        bridge.ask("/raising?ValueError-middle")


class TestEarlyHints:
    """`wsgi.early_hints`, which is gunicorn's: 103 ahead of the response (RFC 8297)."""

    LINK = (b"link", b"</style.css>; rel=preload; as=style")

    def received(self, bridge: Bridge, how: str = "") -> Response:
        """Return the response, and its interim ones with it."""
        response = bridge.start(f"/hints?{how}").response()
        assert response.status == 200
        assert response.headers.count(self.LINK) == 1
        assert {head.status for head in response.interim} <= {103}
        return response

    def test_sent(self, bridge: Bridge) -> None:
        """Our server sends them; under ASGI they need an extension, which uvicorn has for HTTP/2 alone."""
        response = self.received(bridge)
        assert response.body == b"done"
        assert response.interim == ([Head(103, [self.LINK])] if bridge.path == "direct" else [])

    def test_several(self, bridge: Bridge) -> None:
        """They can be sent repeatedly, with any field that a response may have."""
        hints = self.received(bridge, "twice").interim
        if bridge.path == "direct":
            assert hints[1] == Head(103, [(b"link", b"</two>"), (b"x-extra", b"\xe9")])

    def test_late(self, bridge: Bridge) -> None:
        """Until the head goes out; from then on they are dropped, and the response is as it should be."""
        response = self.received(bridge, "late")
        assert response.body == b"begun, done"
        if bridge.path == "direct":
            links = [dict(hint.headers)[b"link"] for hint in response.interim]
            assert links == [self.LINK[1], b"</between>"]

    def test_http_1_0(self, bridge: Bridge) -> None:
        """A client of HTTP/1.0 would take them for the response, and gets none."""
        bridge.needs_http11("an older version")
        answer = bridge.raw(b"GET /hints HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.")
        assert answer.count(b"HTTP/1.") == 1
        assert b"done" in answer

    @pytest.mark.parametrize("how", ["injection", "hop-by-hop"])
    def test_refused(self, bridge: Bridge, how: str) -> None:
        """Fields that a response could not have are a 500, on every path."""
        assert_internal_error(bridge.ask(f"/hints?{how}"))


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("threads", [1, 2])
def test_several_threads(path: Any, threads: int, tmp_path: Path) -> None:
    """wsgi.multithread is true where there are several threads."""
    options = {"threads": threads} if path != "uvicorn" else {}
    env = {"WSGI_THREADS": str(threads)}
    with bridge_to(path, ["/environ=tests.apps.wsgi_environ"], tmp_path, env=env, **options) as bridge:
        assert bridge.ask("/environ").json["wsgi.multithread"] == ["bool", threads > 1]
