"""The console as an ASGI application: what is at which path, and for whom. On the loop."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.console.access import Access, Verdict
from hybrid.server.console.answers import Answer, send_answer, text
from hybrid.server.console.live import Live
from hybrid.server.ops.metrics.snapshot import Snapshot
from hybrid.server.status.commands import Status

_Answering = Callable[[Scope], Awaitable[Answer]]

#: The files of the page, and what they are.
PAGE_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/console.css": ("console.css", "text/css; charset=utf-8"),
    **{
        f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("charts", "console", "drawing", "elements", "figures", "tables")
    },
}
_STATUSES: Final = {
    Verdict.TOKEN: 401,
    Verdict.HEALTH_ALONE: 403,
    Verdict.FOREIGN_HOST: 403,
    Verdict.FOREIGN_ORIGIN: 403,
}
_CHALLENGE: Final = (b"www-authenticate", b'Bearer realm="hybrid"')


class Console:
    """The application.

    Args:
        access: decides who is told what.
        status: says how the server is.
    """

    def __init__(self, access: Access, status: Status) -> None:
        self._access = access
        self._status = status
        self._live = Live(status)
        self._paths: Mapping[str, Mapping[str, _Answering]] = {
            "/health/live": {"GET": self._alive},
            "/health/ready": {"GET": self._ready},
            "/metrics": {"GET": self._for_signed_in(self._metrics)},
            "/status": {"GET": self._for_signed_in(self._show)},
            "/session": {"GET": self._for_signed_in(self._signed_in), "POST": self._sign_in},
            **{path: {"GET": self._page} for path in PAGE_FILES},
        }

    def __repr__(self) -> str:
        return f"<Console with {self._access!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve the WebSocket of a page."""
        if scope["type"] == "websocket":
            await self._live_figures(scope, receive, send)
            return
        answering = self._paths.get(scope["path"])
        if answering is None:
            answer = text(404, f"There is none of these here: {' '.join(self._paths)}")
        else:
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            if method in answering:
                answer = await answering[method](scope)
            else:
                answer = text(405, "Not with this method.", (b"allow", ", ".join(answering).encode()))
        await send_answer(answer, send)

    # Health, which everybody is told.

    async def _alive(self, scope: Scope) -> Answer:
        """The loop turns: it has answered."""
        return text(200, "live")

    async def _ready(self, scope: Scope) -> Answer:
        ready = await self._status.is_any_ready()
        return text(200, "ready") if ready else text(503, "not ready: the server is stopping")

    # What those are told who may know it.

    def _for_signed_in(self, answering: _Answering) -> _Answering:
        async def answer(scope: Scope) -> Answer:
            verdict = self._access.may_ask(scope)
            return await answering(scope) if verdict is Verdict.ALLOWED else _refusal(verdict)

        return answer

    async def _metrics(self, scope: Scope) -> Answer:
        """Encode on a thread: with hundreds of routes that takes longer than the loop should be held."""
        from hybrid.server.console.exposition import expose

        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        body, content_type = await asyncio.to_thread(expose, await self._status.read_all(), accept)
        return Answer(200, body, content_type)

    async def _show(self, scope: Scope) -> Answer:
        body = await asyncio.to_thread(encode, await self._status.read_all())
        return Answer(200, body, "application/json")

    # The page.

    async def _page(self, scope: Scope) -> Answer:
        verdict = self._access.may_come(scope)
        if verdict is not Verdict.ALLOWED:
            return _refusal(verdict)
        name, content_type = PAGE_FILES[scope["path"]]
        return Answer(200, page_file(name), content_type)

    async def _sign_in(self, scope: Scope) -> Answer:
        """Give who sends the token a cookie, for the WebSocket cannot send it."""
        verdict = self._access.may_come(scope)
        if verdict is not Verdict.ALLOWED:
            return _refusal(verdict)
        if not self._access.needs_token:
            return Answer(204)
        if not self._access.has_token(scope):
            return _refusal(Verdict.TOKEN)
        return Answer(204, fields=((b"set-cookie", self._access.cookie().encode("ascii")),))

    async def _signed_in(self, scope: Scope) -> Answer:
        """Tell the page whether it may open its WebSocket, whose refusal says nothing in a browser."""
        return Answer(204)

    async def _live_figures(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_there = scope["path"] == "/live"
        if is_there and self._access.may_ask(scope) is Verdict.ALLOWED:
            await self._live.serve(receive, send)
        else:
            await send({"type": "websocket.close"})  # 403


def _refusal(verdict: Verdict) -> Answer:
    fields = (_CHALLENGE,) if verdict is Verdict.TOKEN else ()
    return text(_STATUSES[verdict], verdict.value, *fields)


@cache
def page_file(name: str) -> bytes:
    """Return a file of the page, read once (a few kilobytes, on the loop)."""
    return files("hybrid.server.console").joinpath("web", name).read_bytes()


def encode(snapshot: Snapshot) -> bytes:
    """Return figures as JSON (worker)."""
    return json.dumps(snapshot.to_json(), separators=(",", ":")).encode()
