"""Puts the application together: its settings, its parts, and what holds for every request."""

import contextlib
import json
import os
import secrets
import tempfile
from pathlib import Path

from flask import Flask, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from demo_flask import accounts, chat, live
from demo_flask.database import Database
from demo_flask.origin import same_origin
from demo_flask.store import Store

#: Everything comes from this server, and nothing is written into the page itself.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app(database: Path | None = None) -> Flask:
    """Make the chat.

    Args:
        database: the SQLite file; otherwise `DEMO_DATABASE`, or `parlour.sqlite3` in Flask's instance folder.
    """
    app = Flask("demo_flask")
    app.config.update(
        DATABASE=str(Path(app.instance_path, "parlour.sqlite3")),
        MAX_CONTENT_LENGTH=16 * 1024,
        SESSION_COOKIE_NAME="parlour",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.from_prefixed_env("DEMO")  # DEMO_SECRET_KEY, DEMO_SESSION_COOKIE_SECURE=true …
    path = database or Path(app.config["DATABASE"])
    app.secret_key = str(app.config["SECRET_KEY"] or kept_secret(path.with_name("secret_key")))
    app.extensions["store"] = Store(Database(path))
    app.before_request(_refuse_foreign_forms)
    app.register_blueprint(accounts.pages)
    app.register_blueprint(chat.pages)
    live.add_sockets(app)
    app.register_error_handler(HTTPException, _show_error)
    app.after_request(_protect)
    return app


def kept_secret(path: Path) -> str:
    """Return the key in a file that its owner alone can read, which is made if there is none.

    Several processes may ask at the same moment: the first one's file stays, and appears there complete.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:  # its owner's alone
        file.write(secrets.token_hex(32))
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
    return path.read_text(encoding="ascii")


def _refuse_foreign_forms() -> None:
    """Let only our own pages change anything: cookies come along with what other sites send, too."""
    if request.method not in ("GET", "HEAD", "OPTIONS") and not same_origin(
        request.headers.get("Origin"), request.headers.get("Host")
    ):
        abort(403, "This form was sent from another site.")


def _show_error(error: HTTPException) -> ResponseReturnValue:
    """Say what is wrong: to a page's script in JSON, to people on a page."""
    if error.response is not None:
        return error
    response = error.get_response()  # with its header fields, such as Retry-After
    reason = error.description or error.name
    if accounts.is_page():
        response.data = render_template("error.html", title=error.name, reason=reason)
    else:
        response.data = json.dumps({"error": reason})
        response.content_type = "application/json"
    return response


def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")  # pages are for one person, and for now
    return response
