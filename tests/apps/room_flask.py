"""Flask views that publish to the room, from threads of several kinds."""

import threading
from typing import Any

from flask import Flask, request

import hybrid

app = Flask(__name__)


def said(text: str) -> dict[str, Any]:
    """Make a message."""
    return {"type": "room.said", "text": text}


@app.post("/say")
def say() -> str:
    """Publish from a view."""
    hybrid.publish("room", said(f"flask: {request.get_data(as_text=True)}"))
    return "said"


@app.post("/thread")
def thread() -> str:
    """Publish from a thread that the application has started."""
    text = request.get_data(as_text=True)
    worker = threading.Thread(target=lambda: hybrid.publish("room", said(f"thread: {text}")))
    worker.start()
    worker.join()
    return "said"


@app.post("/send")
def send() -> str:
    """Send to one channel."""
    hybrid.send(request.args["channel"], said(f"alone: {request.get_data(as_text=True)}"))
    return "sent"
