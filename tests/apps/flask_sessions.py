"""A Flask application with Flask-Login, and WebSockets for those who have signed in."""

from datetime import timedelta
from typing import Any

from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, login_user, logout_user  # type: ignore[import-untyped,unused-ignore]

from hybrid.adapters.flask.session import flask_session
from hybrid.bridge.auth import Authentication, disconnect_user
from tests.apps.whoami import whoami

app = Flask(__name__)
app.config.update(
    SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"], PERMANENT_SESSION_LIFETIME=timedelta(hours=1)
)
login = LoginManager(app)
blocked: set[str] = set()


class User(UserMixin):  # type: ignore[misc]
    """Somebody."""

    def __init__(self, name: str) -> None:
        self.id = name

    def __str__(self) -> str:
        return f"user {self.id}"


@login.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    """Find a user, within the application's context."""
    return None if user_id in blocked else User(f"{user_id} of {app.name.rpartition('.')[2]}")


@app.post("/in/<name>")
def sign_in(name: str) -> str:
    """Sign in."""
    session["cart"] = ["tea"]
    login_user(User(name))
    return ""


@app.post("/out")
def sign_out() -> str:
    """Sign out."""
    logout_user()
    return ""


@app.post("/visit")
def visit() -> str:
    """Have a session, and be nobody."""
    session["cart"] = []
    return ""


@app.post("/block/<name>")
def block(name: str) -> str:
    """Throw somebody out (worker)."""
    blocked.add(name)
    disconnect_user(name, 4403, "blocked")
    return request.method


sockets: Any = Authentication(whoami, flask_session(app, load_user=load_user))
