"""HTTP/2 under gunicorn: several workers, TLS or not, and reloads that lose nothing."""

import os
import signal
import ssl
import threading
from collections import Counter
from pathlib import Path
from typing import Self

import pytest

from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.certificates import Authority, authority
from tests.support.gunicorn import GunicornProcess
from tests.support.http2_clients import ConnectionOver, Http2Client, ResetByServer, connect
from tests.support.waiting import children_of, until

__all__ = ["authority"]


class Multiplexing:
    """Clients that make requests on streams of connections that they keep, four at a time on each.

    What the server says with GOAWAY that it has not looked at is asked again, on a new connection (RFC 9113
    section 6.8); everything else must be answered.
    """

    def __init__(self, server: GunicornProcess, context: ssl.SSLContext | None, count: int = 3) -> None:
        self.server = server
        self.context = context
        self.answers: Counter[str] = Counter()
        self.connections = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"caller {each}") for each in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, number: int) -> None:
        """Return when there are so many answers more."""
        known = self.answers.total()
        until(lambda: self.answers.total() >= known + number or self.failures)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with connect(self.server, self.context) as sock:
                    self.connections += 1
                    self._call(Http2Client(sock))
        except (OSError, AssertionError, ResetByServer) as error:
            self.failures.append(repr(error))

    def _call(self, client: Http2Client) -> None:
        """Make requests until the connection is to end."""
        while not self._stop.is_set() and client.goaway is None and not client.closed:
            streams = [client.start("/") for _ in range(4)]
            for stream in streams:
                try:
                    response = stream.response()
                except ConnectionOver:
                    last = client.goaway.last_stream if client.goaway else stream.number
                    if stream.number <= last:
                        self.failures.append(f"lost: {stream!r} {client!r}")
                else:
                    assert response.status == 200, response
                    self.answers[response.body.decode()] += 1


@pytest.fixture(params=["tls", "clear"])
def context(request: pytest.FixtureRequest, authority: Authority) -> ssl.SSLContext | None:
    """Give a client's context, or None."""
    return authority.client_context() if request.param == "tls" else None


def options(context: ssl.SSLContext | None, authority: Authority) -> dict[str, object]:
    """Give gunicorn's settings for it."""
    if context is None:
        return {"http_protocols": "h2,h1", "http2_cleartext": "prior-knowledge"}
    pem: Path = authority.folder / "server.pem"
    return {"http_protocols": "h2,h1", "certfile": pem, "keyfile": pem}


def test_reload(gunicorn: Gunicorn, authority: Authority, context: ssl.SSLContext | None) -> None:
    """SIGHUP replaces both workers under load, and every request is answered, by old or new ones."""
    server = gunicorn("processes:wsgi", workers=2, **options(context, authority))
    with Multiplexing(server, context) as callers:
        before = children_of(server)
        callers.wait_for(30)
        server.signal(signal.SIGHUP)
        until(lambda: len(children_of(server)) == 2 and not before & children_of(server))
        callers.wait_for(30)
    assert callers.failures == []
    answered_by = {int(each) for each in callers.answers}
    assert answered_by & before
    assert answered_by - before
    assert callers.connections > 3


def test_end(gunicorn: Gunicorn, authority: Authority, context: ssl.SSLContext | None) -> None:
    """SIGTERM answers what was taken, says so on each connection, and ends with 0."""
    server = gunicorn("processes:wsgi", workers=2, **options(context, authority))
    with connect(server, context) as sock:
        client = Http2Client(sock)
        stream = client.start("/slow")
        client.ping()
        os.kill(server.pid, signal.SIGTERM)
        assert stream.response().status == 200
        assert client.wait_for_goaway().code == 0
    assert server.wait() == 0
