"""One call of an ASGI application, as the server makes it, and what came of it."""

import asyncio
from contextlib import suppress
from time import perf_counter
from typing import Final

from hybrid.adapters.django.lanes.wsgi import LANE_FIELD
from hybrid.adapters.django.migrate.shadow.exchanges import Headers, Request
from hybrid.bridge.types import BODILESS, ASGIApp, Message, Scope

#: Bytes of a body that are kept, and times of its pieces.
KEPT_BYTES, _KEPT_TIMES = 1024 * 1024, 1000
#: Seconds that an application may take to end when its answer is complete; when its client has left, and when
#: it is cancelled then.
_TAIL, _LEAVE = 1.0, 0.5
_FAILED: Final = b"Internal Server Error"


class Call:
    """One call (loop; the attributes may be read on any thread).

    Attributes:
        status: 0 before there is one.
        complete: whether the last piece of the body has come.
        error: what the application has raised.
        timed_out: whether it has not ended in time.
    """

    def __init__(self, request: Request, kept: int = KEPT_BYTES) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.size = 0
        self.first_byte = 0.0
        self.chunks: list[float] = []
        self.complete = self.timed_out = False
        self.error: BaseException | None = None
        self._body = bytearray()
        self._request = request
        self._kept = kept
        self._began = perf_counter()
        self._asked = False

    def __repr__(self) -> str:
        return f"<Call {self._request.method} {self._request.target} {self.status}>"

    @property
    def body(self) -> bytes:
        """The body, as far as it was kept."""
        return bytes(self._body)

    async def run(self, application: ASGIApp, scope: Scope, limit: float) -> bool:
        """Call the application, and return whether it has ended.

        After ``limit`` seconds the client leaves; then the call is cancelled; then it is left behind.
        """
        self._left, self._done = asyncio.Event(), asyncio.Event()
        self._began = perf_counter()
        task = asyncio.ensure_future(application(scope, self._receive, self._send))
        waiting = asyncio.ensure_future(self._done.wait())
        await asyncio.wait({task, waiting}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        self.timed_out = not (task.done() or self.complete)
        if self.complete:
            await asyncio.wait({task}, timeout=_TAIL)
        self._left.set()
        await asyncio.wait({task}, timeout=_LEAVE)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_LEAVE)
        self._end(task)
        return task.done()

    def _end(self, task: "asyncio.Future[None]") -> None:
        if not self.first_byte:
            self.first_byte = perf_counter() - self._began
        if task.done() and not task.cancelled() and not self.timed_out:
            self.error = task.exception()
        if not self.status and not self.timed_out and task.done():  # which a server answers so
            self.status, self.complete, self.size = 500, True, len(_FAILED)
            self.headers = (
                ("content-type", "text/plain; charset=utf-8"),
                ("content-length", str(len(_FAILED))),
            )
            self._body += _FAILED if self._request.method != "HEAD" else b""

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            raise OSError("the client has left")
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            self.headers = _decoded(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._take(message.get("body", b""))
            if not message.get("more_body", False):
                self.complete = True
                self._done.set()
        await asyncio.sleep(0)  # an application that never waits would keep the time from being over

    def _take(self, data: bytes) -> None:
        if not data or self._request.method == "HEAD" or self.status in BODILESS:
            return
        now = perf_counter() - self._began
        self.first_byte = self.first_byte or now
        if len(self.chunks) < _KEPT_TIMES:
            self.chunks.append(now)
        self.size += len(data)
        self._body += data[: max(0, self._kept - len(self._body))]


def _decoded(headers: object) -> Headers:
    """Return header fields as text, without the one that only says which lane it is."""
    pairs: list[tuple[str, str]] = []
    with suppress(TypeError):
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]  # type: ignore[attr-defined]
    return tuple((name, value) for name, value in pairs if name != LANE_FIELD.lower())
