"""The WSGI middleware around a Flask application, for handshakes.

``app.wsgi_app = ProxyFix(app.wsgi_app)`` changes what a request looks like, and other middleware refuses
some. A handshake goes the same way as far as Flask, and back: middleware sees no more of a WebSocket.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask
from flask.ctx import RequestContext

from hybrid.adapters.flask.visit import Refusal, refusal_of

#: The key of an environ that is on its way through the middleware.
_TRAVELLING: Final = "hybrid.flask.travelling"


class _Arrived(BaseException):  # no Exception: middleware that catches those must not have it
    """The environ has come to Flask."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__()
        self.environ = environ


def watch(app: Flask) -> None:
    """Notice when an environ that :func:`travel` has sent comes to an application."""
    request_context: Callable[[dict[str, Any]], RequestContext] = app.request_context

    def arrive(environ: dict[str, Any]) -> RequestContext:
        if environ.pop(_TRAVELLING, False):
            raise _Arrived(environ)
        return request_context(environ)

    patched: Any = app
    patched.request_context = arrive


def is_there(app: Flask) -> bool:
    """Return whether an application has any middleware."""
    return getattr(app.wsgi_app, "__func__", None) is not Flask.wsgi_app


def travel(app: Flask, environ: dict[str, Any]) -> dict[str, Any] | Refusal:
    """Return what the middleware makes of an environ, or its own answer in the application's place
    (worker).
    """
    answers: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        answers.append((status, headers))
        return bytes

    try:
        parts: Iterable[bytes] = app.wsgi_app({**environ, _TRAVELLING: True}, start_response)
        try:
            body = b"".join(parts)  # middleware that is a generator goes on to Flask only here
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
    except _Arrived as arrived:
        return arrived.environ
    status, headers = answers[-1]
    return refusal_of(int(status[:3]), headers, body)
