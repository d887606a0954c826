"""A Flask-SocketIO application in threading mode: rooms, and messages from an HTTP view."""

from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room

from tests.apps.wsgi_events import note_as

app = Flask(__name__)
app.secret_key = "for the session"
socketio = SocketIO(app, async_mode="threading")


@app.post("/say/<room>")
def say(room: str) -> str:
    """Send what was posted to everybody in a room."""
    socketio.emit("said", request.get_data(as_text=True), to=room)
    return "said"


@socketio.on("join")
def join(room: str) -> str:
    """Put the client into a room."""
    join_room(room)
    return room


@socketio.on("echo")
def echo(data: Any) -> Any:
    """Send an event back, and the same as the acknowledgement."""
    emit("echoed", data)
    return data


@socketio.on("disconnect")
def left(reason: str) -> None:
    """Keep why a client is gone."""
    note_as("socketio", reason)
