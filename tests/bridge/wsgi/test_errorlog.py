"""`wsgi.errors`: a text stream whose lines become log records (PEP 3333, "Input and Error Streams")."""

import io
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.validate import validator

import pytest

from hybrid.bridge.wsgi.call import serve
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.errorlog import ERRORS, ErrorStream
from tests.support.exchanges import RecordedExchange

DEADLINE = 20.0


@pytest.fixture
def stream() -> ErrorStream:
    """Give a stream that nobody has written to."""
    return ErrorStream()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give a function that returns what has been logged."""
    return lambda: [record.getMessage() for record in caplog.records]


Lines = Callable[[], list[str]]


class TestWriting:
    """The file methods that PEP 3333 asks for."""

    def test_record(self, stream: ErrorStream, caplog: pytest.LogCaptureFixture) -> None:
        """A line is an error of the logger `hybrid.wsgi.errors`, whatever percent signs are in it."""
        assert stream.write("100 %s\n") == 7
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("hybrid.wsgi.errors", logging.ERROR)
        assert record.getMessage() == "100 %s"

    def test_half_a_line(self, stream: ErrorStream, lines: Lines) -> None:
        """It waits for its other half."""
        stream.write("one ")
        stream.write("")
        assert lines() == []
        stream.write("two\nthree\nfo")
        stream.write("ur\n")
        assert lines() == ["one two", "three", "four"]
        assert stream.incomplete == {}

    def test_flush(self, stream: ErrorStream, lines: Lines) -> None:
        """`flush` does not wait, and logs nothing where nothing is left."""
        stream.write("half")
        stream.flush()
        stream.flush()
        assert lines() == ["half"]

    def test_writelines_and_print(self, stream: ErrorStream, lines: Lines) -> None:
        """`writelines` adds no ends of lines; `print` writes in pieces."""
        stream.writelines(["one", " line\n", "two\n"])
        print("a", 1, None, file=stream)
        print("flushed", end="", file=stream, flush=True)
        assert lines() == ["one line", "two", "a 1 None", "flushed"]

    def test_traceback(self, stream: ErrorStream, lines: Lines) -> None:
        """A traceback is a record for each line."""
        try:
            raise ValueError("wrong")
        except ValueError:
            traceback.print_exc(file=stream)
        assert lines()[0] == "Traceback (most recent call last):"
        assert lines()[-1] == "ValueError: wrong"

    def test_close(self, stream: ErrorStream, lines: Lines) -> None:
        """Closing, which an application must not do, flushes; the next one can write."""
        stream.write("half")
        stream.close()
        assert not stream.closed
        stream.write("other\n")
        assert lines() == ["half", "other"]

    @pytest.mark.parametrize("wrong", [b"bytes", None, 1])
    def test_text_only(self, stream: ErrorStream, wrong: Any) -> None:
        """What is no str is refused."""
        with pytest.raises(TypeError, match="takes str, not"):
            stream.write(wrong)

    def test_file(self, stream: ErrorStream) -> None:
        """It is a text file as far as anybody asks, and says where it leads."""
        assert isinstance(stream, io.TextIOBase)
        assert stream.writable()
        assert not stream.readable()
        assert stream.encoding == "utf-8"
        assert repr(stream) == "<ErrorStream to the logger 'hybrid.wsgi.errors'>"

    def test_line_without_an_end(self, stream: ErrorStream, lines: Lines) -> None:
        """Of a line that does not end, only so much is kept; the rest is logged in pieces."""
        for _ in range(30):
            stream.write("x" * 1000)
            assert sum(map(len, stream.incomplete.values())) <= 8192
        stream.write("x" * 100_000 + "\nend")
        stream.flush()
        assert "".join(lines()) == "x" * 130_000 + "end"


class TestInjection:
    """What a client has sent may be written to the log, and must not pass for something else."""

    @pytest.mark.parametrize(
        ("written", "logged"),
        [
            ("a\rb", "a\\rb"),
            ("a\r\n", "a"),
            ("a\x1b[31mb", "a\\x1b[31mb"),
            ("a\0b\x7f", "a\\x00b\\x7f"),
            ("a\x85b\x9b", "a\\x85b\\x9b"),
            ("a\x0bb\x0cc", "a\\x0bb\\x0cc"),
            ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
            ("a\ud800b", "a\\ud800b"),
            ("a\tb é € 😀", "a\tb é € 😀"),
        ],
    )
    def test_control_characters(self, stream: ErrorStream, lines: Lines, written: str, logged: str) -> None:
        """Control characters, other ends of lines and lone surrogates are escaped, and nothing else is."""
        stream.write(written)
        stream.flush()
        assert lines() == [logged]
        assert len(logged.splitlines()) == 1
        logged.encode()


class TestThreads:
    """One stream for all."""

    def test_no_mixed_lines(self, stream: ErrorStream, lines: Lines) -> None:
        """Threads that write piece by piece at the same time do not get into each other's lines."""
        start = threading.Barrier(8)

        def write(letter: str) -> None:
            start.wait(DEADLINE)
            for _ in range(50):
                for _ in range(4):
                    stream.write(letter)
                stream.write("\n")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, "abcdefgh"))
        assert sorted(lines()) == sorted(letter * 4 for letter in "abcdefgh" for _ in range(50))

    def test_flush_is_ones_own(self, stream: ErrorStream, lines: Lines) -> None:
        """`flush` leaves the half lines of others alone."""
        stream.write("mine")
        thread = threading.Thread(target=stream.flush)
        thread.start()
        thread.join(DEADLINE)
        assert lines() == []
        stream.flush()
        assert lines() == ["mine"]


class TestLoops:
    """Handlers of the log that write to `wsgi.errors`, as those of Flask and of its documentation do."""

    @pytest.fixture
    def stderr(self, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
        """Replace the stream that is left when the log leads back."""
        replaced = io.StringIO()
        monkeypatch.setattr(sys, "__stderr__", replaced)
        return replaced

    @pytest.fixture
    def handler(self, stream: ErrorStream) -> Iterator[logging.Handler]:
        """Have the root logger write to the stream."""
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("formatted: %(message)s"))
        logging.getLogger().addHandler(handler)
        yield handler
        logging.getLogger().removeHandler(handler)

    @pytest.mark.usefixtures("handler")
    def test_handler_of_the_root(self, stream: ErrorStream, lines: Lines, stderr: io.StringIO) -> None:
        """What is written is logged once, and what the handler makes of it goes to stderr."""
        stream.write("text\x1b\n")
        assert lines() == ["text\\x1b"]
        assert stderr.getvalue() == "formatted: text\\x1b\n"

    @pytest.mark.usefixtures("handler")
    def test_logger_of_the_application(self, lines: Lines, stderr: io.StringIO) -> None:
        """So with what the application logs, instead of writing it itself."""
        logging.getLogger("application").error("text")
        assert sorted(lines()) == ["formatted: text", "text"]
        assert stderr.getvalue() == "formatted: formatted: text\n"

    @pytest.mark.usefixtures("handler")
    def test_no_stderr(self, stream: ErrorStream, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process without stderr drops what leads back."""
        monkeypatch.setattr(sys, "__stderr__", None)
        stream.write("text\n")
        assert lines() == ["text"]

    @pytest.mark.usefixtures("handler")
    def test_threads_do_not_wait_for_each_other(self, stream: ErrorStream, stderr: io.StringIO) -> None:
        """Threads that log and threads that write, through the same handler, all come to an end."""
        logger = logging.getLogger("application")

        def log(number: int) -> None:
            for _ in range(50):
                (logger.error if number % 2 else lambda text: stream.write(f"{text}\n"))("text")

        threads = [threading.Thread(target=log, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert set(stderr.getvalue().splitlines()) <= {"formatted: text", "formatted: formatted: text"}


def test_the_environ_has_it(lines: Lines) -> None:
    """Every environ has the one stream of the process, of which wsgiref.validate approves."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.errors"].write("written\n")
        environ["wsgi.errors"].writelines(["in ", "lines\n"])
        environ["wsgi.errors"].flush()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    exchange = RecordedExchange()
    environ = EnvironBuilder(multithread=True, multiprocess=False).build(exchange.scope, exchange.body)
    assert environ["wsgi.errors"] is ERRORS
    serve(validator(app), environ, exchange)
    assert lines() == ["written", "in lines"]
