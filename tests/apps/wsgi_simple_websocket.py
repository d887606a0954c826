"""WebSockets without a framework: simple-websocket in plain WSGI applications."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from simple_websocket import ConnectionClosed, Server


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send everything back; ping every so many seconds as the query says. Never calls start_response."""
    interval = environ["QUERY_STRING"]
    ws = Server(environ, subprotocols=["echo"], ping_interval=float(interval) if interval else None)
    try:
        while True:
            ws.send(ws.receive())
    except ConnectionClosed:
        return []


def uncaught(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Do the same, and let the end of the connection be an error."""
    ws = Server(environ)
    while True:
        ws.send(ws.receive())
