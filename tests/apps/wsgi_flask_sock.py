"""WebSockets of a Flask application with flask-sock, and HTTP beside them."""

import hashlib

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from tests.apps.wsgi_events import note

app = Flask(__name__)
sock = Sock(app)


@app.get("/hello")
def hello() -> str:
    """Answer HTTP."""
    return "hello"


@sock.route("/echo")
def echo(ws: Server) -> None:
    """Send everything back."""
    while True:
        ws.send(ws.receive())


@sock.route("/digest")
def digest(ws: Server) -> None:
    """Read slowly: nothing before the first message says so, then tell what came after it."""
    assert ws.receive() == "read on"
    ws.send(hashlib.sha256(ws.receive()).hexdigest())


@sock.route("/close")
def close(ws: Server) -> None:
    """Say something and close."""
    ws.send("last words")
    ws.close(4001, "enough")


@sock.route("/return")
def leave(ws: Server) -> None:
    """Say something and leave the closing to flask-sock."""
    ws.send("last words")


@sock.route("/fail")
def fail(ws: Server) -> None:
    """Fail once the connection is open."""
    ws.send("last words")
    raise ValueError("in a WebSocket")


@sock.route("/witness/<name>")
def witness(ws: Server, name: str) -> None:
    """Tell how the connection ended."""
    note(request.environ, "open")
    try:
        while True:
            note(request.environ, f"received {ws.receive()}")
    except ConnectionClosed as end:
        note(request.environ, f"closed {int(end.reason)} {end.message}")
        raise


@sock.route("/flood/<name>")
def flood(ws: Server, name: str) -> None:
    """Send for ever, faster than anybody reads; the library may close the socket just before it is used."""
    try:
        while True:
            ws.send(bytes(100_000))
            note(request.environ, "sent")
    except (ConnectionClosed, OSError):
        note(request.environ, "closed")


@sock.route("/handshake")
def handshake(ws: Server) -> None:
    """Tell what the handshake was like."""
    ws.send(" ".join((request.environ["QUERY_STRING"], request.cookies["a"], request.headers["X-Own"])))
