"""WebSockets for those who have signed in with Flask."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from flask.sessions import SessionInterface

from hybrid.adapters.flask.session import flask_session
from hybrid.bridge import ConfigError
from hybrid.bridge.auth import Identity
from tests.support.layers import run
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, ServerProcess, start_server
from tests.support.websocket_clients import close_of, opened_by_page, status_of


def signed(app: Flask, **session: Any) -> str:
    """Return the cookie that Flask sets for a session."""
    serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie: str = serializer.dumps(session)
    return cookie


def flask(**config: Any) -> Flask:
    """Make an application."""
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": "a", **config})
    return app


def whose(authenticator: Any, cookie: str) -> Identity | None:
    """Ask whose a cookie is."""

    async def main() -> Identity | None:
        identity: Identity | None = await authenticator.identify(cookie)
        return identity

    return run(main())


class TestCookie:
    """What a cookie says."""

    @pytest.mark.parametrize(
        ("session", "user_id"),
        [
            ({"_user_id": "7"}, "7"),
            ({"user_id": 7}, "7"),
            ({"cart": []}, None),
            ({"_user_id": ""}, None),
            ({}, None),
        ],
    )
    def test_ids(self, session: dict[str, Any], user_id: str | None) -> None:
        """Flask-Login's key counts, and that of Flask's tutorial; a session without is nobody's."""
        app = flask()
        identity = whose(flask_session(app), signed(app, **session))
        assert (identity and identity.user_id) == user_id

    def test_other_keys(self) -> None:
        """The id may be under another key, or be taken out by a function."""
        app = flask()
        cookie = signed(app, account={"id": "x"}, name="ann", user_id="no")
        by_key = whose(flask_session(app, user_id="name"), cookie)
        by_function = whose(flask_session(app, user_id=lambda session: session["account"]["id"]), cookie)
        assert by_key is not None
        assert by_function is not None
        assert (by_key.user_id, by_function.user_id) == ("ann", "x")
        assert by_key.claims == {"account": {"id": "x"}, "name": "ann", "user_id": "no"}

    def test_keys_of_the_signature(self) -> None:
        """Flask's keys count, those that have been replaced too; a secret key will do in place of a Flask."""
        cookie = signed(flask(SECRET_KEY="old"), user_id="ann")
        assert whose(flask_session(flask(SECRET_KEY="new")), cookie) is None
        assert whose(flask_session(flask(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])), cookie) is not None
        assert whose(flask_session("old"), cookie) is not None
        assert whose(flask_session(b"other"), cookie) is None

    @pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "e30.aaaa.bbbb", "ä"])
    def test_nonsense(self, cookie: str) -> None:
        """It is nobody's, and no error."""
        assert whose(flask_session("a"), cookie) is None

    def test_expiry(self) -> None:
        """A cookie is believed for as long as Flask believes it, and the identity ends then."""
        app = flask(PERMANENT_SESSION_LIFETIME=timedelta(minutes=1))
        cookie = signed(app, user_id="ann")
        identity = whose(flask_session(app), cookie)
        assert identity is not None
        assert identity.expires is not None
        assert 50 < identity.expires - time.time() < 65
        app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=-1)
        assert whose(flask_session(app), cookie) is None

    def test_the_secret_key_goes_away(self) -> None:
        """Without one nothing is believed."""
        app = flask()
        cookie = signed(app, user_id="ann")
        session = flask_session(app)
        app.secret_key = None
        assert whose(session, cookie) is None

    def test_users(self) -> None:
        """They come from a function of either kind; one who is not there does not come in."""
        app = flask()
        cookie = signed(app, user_id="ann")

        async def later(user_id: str) -> str | None:
            return f"{user_id} later"

        for load_user, user in ((later, "ann later"), (str.upper, "ANN"), (lambda _: None, None)):
            identity = whose(flask_session(app, load_user=load_user), cookie)
            assert (identity and identity.user) == user

    def test_mistakes(self) -> None:
        """Without a secret key there is no session, and another way of keeping them is another matter."""
        with pytest.raises(ConfigError, match="secret key"):
            flask_session(flask(SECRET_KEY=None))
        app = flask()
        app.session_interface = SessionInterface()
        with pytest.raises(ConfigError, match="SessionInterface are not in the cookie"):
            flask_session(app)

    def test_name(self) -> None:
        """The name of the cookie is Flask's."""
        assert flask_session(flask(SESSION_COOKIE_NAME="sid")).name == "sid"
        assert flask_session("a").name == "session"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """Serve a Flask application and its WebSockets."""
    require_module("flask_login")
    targets = ("tests.apps.flask_sessions:app", "tests.apps.flask_sessions:sockets")
    with start_server(*targets, cwd=ROOT, access_log=False) as server:
        yield server
    assert "Traceback" not in server.stderr


def test_signing_in(server: ServerProcess) -> None:
    """Who has signed in with Flask-Login is known to the WebSocket; a visitor is not, nor who has left."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        assert status_of(opened_by_page(server, "/live", client)) == 403
        client.post("/visit")
        assert status_of(opened_by_page(server, "/live", client)) == 403
        client.post("/in/ann")
        with opened_by_page(server, "/live", client) as websocket:
            text = str(websocket.recv(timeout=DEADLINE))
            assert text.startswith("ann, user ann of flask_sessions, ['_fresh', '_id', '_user_id', 'cart'], ")
        assert status_of(opened_by_page(server, "/live", client, "https://evil.example")) == 403
        client.post("/out")
        assert status_of(opened_by_page(server, "/live", client)) == 403


def test_throwing_somebody_out(server: ServerProcess) -> None:
    """A view on a thread closes the sockets of a user, who does not come in again."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        client.post("/in/bob")
        with opened_by_page(server, "/live", client) as websocket:
            websocket.recv(timeout=DEADLINE)
            client.post("/block/bob")
            assert close_of(websocket) == (4403, "blocked")
        assert status_of(opened_by_page(server, "/live", client)) == 403
