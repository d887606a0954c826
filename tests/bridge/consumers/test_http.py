"""`AsyncHttpConsumer`: requests whole, responses in parts, clients that leave."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge import AsyncHttpConsumer, ClientDisconnected
from hybrid.bridge.testing import ApplicationCommunicator, HttpCommunicator
from tests.support.consumers import Line
from tests.support.embedded import until
from tests.support.layers import run

SCOPE = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/x", "headers": []}


class Echo(AsyncHttpConsumer):
    """Answers with the body."""

    log: list[str]

    async def handle(self, body: bytes) -> None:
        """Answer."""
        await self.send_response(200, body, headers={b"content-type": b"text/plain"})


def test_a_request_and_its_response() -> None:
    """The body is there when handle() is called; fields may be a dict."""

    async def main() -> None:
        response = await HttpCommunicator(Echo.as_asgi(), "POST", "/x?a=1", body=b"hello").get_response()
        assert response == {"status": 200, "headers": [(b"content-type", b"text/plain")], "body": b"hello"}

    run(main())


def test_a_body_in_parts() -> None:
    """handle() is called once, when the last part has come, and then the call returns."""

    async def main() -> None:
        line = ApplicationCommunicator(Echo.as_asgi(), SCOPE)
        await line.send_input({"type": "http.request", "body": b"a", "more_body": True})
        assert await line.receive_nothing(0.01)
        await line.send_input({"type": "http.request", "body": b"b"})
        await line.receive_output()
        assert (await line.receive_output())["body"] == b"ab"
        await line.wait()

    run(main())


def test_a_client_that_leaves() -> None:
    """disconnect() is called at once, and only once; what handle() sends then raises."""
    log: list[str] = []
    may_go = asyncio.Event()

    class Slow(AsyncHttpConsumer):
        async def handle(self, body: bytes) -> None:
            await self.send_headers(headers=[(b"a", b"b")])
            log.append("begun")
            await may_go.wait()
            try:
                await self.send_body(b"late")
            except ClientDisconnected:
                log.append("unsent")

        async def disconnect(self) -> None:
            log.append("disconnect")

    async def main() -> None:
        line = Line(Slow.as_asgi(), **SCOPE)
        line.put({"type": "http.request"})
        await until(lambda: log == ["begun"])
        line.put({"type": "http.disconnect"})
        await until(lambda: log == ["begun", "disconnect"])
        may_go.set()
        await line.end()
        assert log == ["begun", "disconnect", "unsent"]

    run(main())


@pytest.mark.parametrize("body", ["text", None])
def test_a_body_that_is_no_bytes(body: Any) -> None:
    """send_body() refuses it, and what a handler raises is the call's error, with a note of where."""

    class Wrong(AsyncHttpConsumer):
        async def handle(self, body_: bytes) -> None:
            await self.send_response(200, body)

    async def main() -> None:
        line = Line(Wrong.as_asgi(), **SCOPE)
        line.put({"type": "http.request"})
        with pytest.raises(TypeError, match="must be bytes") as caught:
            await line.end()
        assert caught.value.__notes__[0].endswith("Wrong.http_request, http /x")

    run(main())


def test_handle_is_needed() -> None:
    """A consumer without handle() says so; websockets to it are refused."""

    async def main() -> None:
        with pytest.raises(NotImplementedError, match="AsyncHttpConsumer must have a handle"):
            await HttpCommunicator(AsyncHttpConsumer.as_asgi(), "GET", "/").get_response()
        line = Line(Echo.as_asgi())
        await line.end()
        assert line.kinds == ["close"]

    run(main())
