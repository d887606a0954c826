"""Having Django's handlers answer one request, without a server."""

import asyncio
import io
import sys
from typing import Any, Final
from urllib.parse import unquote

from asgiref.sync import ThreadSensitiveContext

from hybrid.adapters.django.lanes.parts import settings

#: Seconds that a stream goes on before the client leaves.
_PATIENCE: Final = 1.0


def usual_host() -> str:
    """Return a host that the project allows."""
    hosts = [str(each) for each in settings.ALLOWED_HOSTS if each != "*"]
    return hosts[0].removeprefix(".") if hosts else "localhost"


def usual_fields() -> dict[str, str]:
    """Return the header fields of the request: with HTTPS where the project wants that."""
    fields = {"host": usual_host(), "accept": "*/*"}
    trusted = settings.SECURE_PROXY_SSL_HEADER
    if trusted:
        name, value = trusted
        fields[name.removeprefix("HTTP_").replace("_", "-").lower()] = value
    return fields


def usual_scheme() -> str:
    """Return the scheme that the project wants."""
    return "https" if settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER else "http"


def serve_wsgi(handler: Any, url: str) -> int:
    """Have a WSGI handler of Django's answer a GET request; return the status. The body is not read."""
    path, _, query = url.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path).encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": usual_host(),
        "SERVER_PORT": "443" if usual_scheme() == "https" else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": usual_scheme(),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in usual_fields().items()},
    }
    response = handler(environ, _start_response)
    response.close()
    return int(response.status_code)


def serve_asgi(handler: Any, url: str) -> int:
    """Have an ASGI handler of Django's answer a GET request; return the status."""
    path, _, query = url.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": usual_scheme(),
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in usual_fields().items()],
        "client": ("127.0.0.1", 1),
        "server": (usual_host(), 443 if usual_scheme() == "https" else 80),
    }
    return asyncio.run(_exchange(handler, scope))


def _start_response(status: str, headers: object, exc_info: object = None) -> None:
    """Take the head of a response, of which nothing is needed."""


async def _exchange(handler: Any, scope: dict[str, Any]) -> int:
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    started = asyncio.Event()
    status = 500

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await started.wait()
        await asyncio.sleep(_PATIENCE)  # a stream may have no end: then the client leaves
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            started.set()

    async with ThreadSensitiveContext():
        await handler(scope, receive, send)
    return status
