"""A Flask application with one view, for what a framework adds to the cost of the server."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> tuple[str, dict[str, str]]:
    """Answer `GET /` with thirteen bytes of plain text."""
    return "Hello, world!", {"Content-Type": "text/plain"}
