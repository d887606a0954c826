"""The Flask application: plain synchronous views, as in any other Flask application."""

import os
import threading
import unicodedata
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from demo_flask import live
from demo_flask.origin import same_origin
from demo_flask.store import Message, Store

MAX_AUTHOR = 40
MAX_TEXT = 500
ON_PAGE = 50

#: Everything comes from this server, and nothing is written into the page itself.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

pages = Blueprint("board", __name__)
_one_at_a_time = threading.Lock()


class InvalidMessage(Exception):
    """What somebody wrote cannot go on the board; says why, and in which field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def create_app(database: Path | None = None) -> Flask:
    """Make the board.

    Args:
        database: the SQLite file; by default what the environment variable `BOARD_DB` names, or
        `board.sqlite3` in
            Flask's instance folder.
    """
    app = Flask("demo_flask")
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
    path = database or Path(os.environ.get("BOARD_DB") or Path(app.instance_path, "board.sqlite3"))
    app.extensions["board"] = Store(path)
    app.register_blueprint(pages)
    app.register_error_handler(HTTPException, _show_error)
    app.after_request(_protect)
    return app


@pages.get("/")
def page() -> ResponseReturnValue:
    """Show the newest messages and the form."""
    return _page()


@pages.post("/messages")
def post() -> ResponseReturnValue:
    """Put a message on the board: for the page's script in JSON, for a plain form with a redirect."""
    if not same_origin(request.headers.get("Origin"), request.headers.get("Host")):
        return _refusal("This form was sent from another site.", "", 403)
    author, text = request.form.get("author", ""), request.form.get("text", "")
    try:
        author, text = check_author(author), check_text(text)
    except InvalidMessage as error:
        return _refusal(str(error), error.field, 400)
    # One at a time, so that pages hear of messages in the order of their ids.
    with _one_at_a_time:
        message = _store().add(author, text)
        live.announce(message.as_json())
    if _wants_json():
        return jsonify(message=message.as_json()), 201
    return redirect(url_for("board.page"), 303)


@pages.get("/messages")
def messages() -> ResponseReturnValue:
    """Return what a page missed while it was not connected: messages after `?after=ID`, oldest first."""
    try:
        after = int(request.args.get("after", "0"))
    except ValueError:
        return jsonify(error="after must be a whole number: the id of the newest message you have"), 400
    # SQLite's integers end there, and no id is larger.
    found = _store().after(min(max(after, 0), 2**63 - 1), ON_PAGE + 1)
    response = jsonify(messages=[message.as_json() for message in found[:ON_PAGE]], more=len(found) > ON_PAGE)
    response.headers["Cache-Control"] = "no-store"
    return response


def check_author(author: str) -> str:
    """Return a name as it is kept: on one line and without control characters."""
    author = " ".join(_printable(author).split())
    if not author:
        raise InvalidMessage("author", "Please write your name.")
    if len(author) > MAX_AUTHOR:
        raise InvalidMessage("author", f"A name has at most {MAX_AUTHOR} characters, not {len(author)}.")
    return author


def check_text(text: str) -> str:
    """Return a text as it is kept: with plain newlines between its lines and no other control characters."""
    text = _printable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise InvalidMessage("text", "Please write something.")
    if len(text) > MAX_TEXT:
        raise InvalidMessage("text", f"A message has at most {MAX_TEXT} characters, not {len(text)}.")
    return text


def _printable(text: str) -> str:
    """Drop control characters, which nobody types and terminals obey."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) != "Cc"
    )


def _store() -> Store:
    store: Store = current_app.extensions["board"]
    return store


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"


def _page(error: str = "", field: str = "") -> str:
    found: list[Message] = _store().latest(ON_PAGE)
    return render_template(
        "board.html", messages=found, error=error, field=field, max_author=MAX_AUTHOR, max_text=MAX_TEXT
    )


def _refusal(reason: str, field: str, status: int) -> ResponseReturnValue:
    """Say what is wrong: in JSON, or on the page with what was written still in the form."""
    if _wants_json():
        return jsonify(error=reason, field=field), status
    return _page(reason, field), status


def _show_error(error: HTTPException) -> ResponseReturnValue:
    """Answer the page's script in JSON also when something else is wrong (too large, not found …)."""
    if not _wants_json():
        return error
    return jsonify(error=error.description or error.name, field=""), error.code or 500


def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response
