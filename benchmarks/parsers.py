"""Which C parser of HTTP/1.1 to build on: what each lets through, and what it costs.

    python -m benchmarks.parsers

feeds every row of tests/conformance/rfc9112 to httptools, to gunicorn_h1c's own protocol parser and to
ours, which uses gunicorn_h1c for the head alone, and prints the rows that each gets wrong; then the CPU time
per request.
"""

import time
from collections.abc import Callable

import gunicorn_h1c
import httptools

from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import RequestParser
from tests.conformance.rfc9112 import ROWS, Accepted
from tests.support.requests import in_clear

#: What a parser made of a row: how many requests, or that it refused.
Verdict = Callable[[bytes], bool]


class _Events:
    """What httptools calls."""

    def __init__(self) -> None:
        self.complete = 0
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """Take the target."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field, as a server must."""
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""

    def on_message_complete(self) -> None:
        """Count a request."""
        self.complete += 1


def accepted_by_httptools(data: bytes) -> bool:
    """Whether httptools takes the bytes for one whole request."""
    events = _Events()
    try:
        httptools.HttpRequestParser(events).feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return False
    return events.complete == 1


def accepted_by_h1c(data: bytes) -> bool:
    """Whether gunicorn_h1c's protocol parser does."""
    parser = gunicorn_h1c.H1CProtocol()
    try:
        parser.feed(data)
    except ValueError:
        return False
    return parser.is_complete


def accepted_by_us(data: bytes) -> bool:
    """Whether our parser does."""
    parser = RequestParser(Limits(request_body=1 << 30), check_scheme=in_clear)
    try:
        request = parser.next_request(data)
        if request is None:
            return False
        while not parser.body_complete and parser.waiting:
            parser.read_body()
        if request.keep_alive and parser.body_complete:
            parser.next_request()  # what is left over is no request
    except RequestError:
        return False
    return parser.body_complete


PARSERS: dict[str, Verdict] = {
    "httptools": accepted_by_httptools,
    "gunicorn_h1c.H1CProtocol": accepted_by_h1c,
    "hybrid": accepted_by_us,
}


def print_strictness() -> None:
    """Print how many rows each parser gets right, and which ones it does not."""
    for name, accepts in PARSERS.items():
        wrong = [row for row in ROWS if accepts(row.data) != isinstance(row.expected, Accepted)]
        print(f"{name}: {len(ROWS) - len(wrong)} of {len(ROWS)} rows as RFC 9112 wants them")
        for row in wrong:
            verdict = "refused" if isinstance(row.expected, Accepted) else "accepted"
            print(f"    {verdict}: {row}")


def _request(fields: int, number: int) -> bytes:
    lines = [b"X-Field-%d: some value %d\r\n" % (field, number) for field in range(fields - 1)]
    return b"GET /path?x=1 HTTP/1.1\r\nHost: localhost\r\n" + b"".join(lines) + b"\r\n"


def _seconds(parse: Callable[[bytes], object], requests: list[bytes]) -> float:
    start = time.process_time()
    for request in requests:
        parse(request)
    return time.process_time() - start


def _httptools() -> Callable[[bytes], object]:
    events = _Events()
    parser = httptools.HttpRequestParser(events)

    def parse(data: bytes) -> None:
        events.headers = []
        parser.feed_data(data)
        parser.get_method()
        parser.should_keep_alive()

    return parse


def print_cost(rounds: int = 7, count: int = 20_000) -> None:
    """Print CPU time per request, with fields that repeat on the connection and with fields that change."""
    print("\nCPU time per request in microseconds, best of", rounds)
    for fields in (1, 12):
        same = [_request(fields, 0)] * count
        changing = [_request(fields, number % 2) for number in range(count)]
        ours = RequestParser(Limits()).next_request
        rows = {
            "httptools": (_httptools(), changing),
            "hybrid, fields that change": (ours, changing),
            "hybrid, the same fields again": (ours, same),
        }
        for name, (parse, requests) in rows.items():
            best = min(_seconds(parse, requests) for _ in range(rounds))
            print(f"    {fields:2} fields  {name:30} {best / count * 1e6:5.2f}")


if __name__ == "__main__":
    print_strictness()
    print_cost()
