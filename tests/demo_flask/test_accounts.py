import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from demo_flask import live
from demo_flask.app import create_app, kept_secret
from demo_flask.store import Account

PASSWORD = "correct horse"
JSON = {"Accept": "application/json"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Make a chat with an empty database."""
    app = create_app(tmp_path / "parlour.sqlite3")
    yield app
    app.extensions["store"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a browser."""
    return app.test_client()


def send(client: FlaskClient, path: str, name: str = "Ada", password: str = PASSWORD, **options: Any) -> Any:
    """Fill in a form and send it."""
    return client.post(path, data={"name": name, "password": password}, **options)


def cookie_of(client: FlaskClient) -> str:
    """Return what the browser keeps of the session."""
    cookie = client.get_cookie("parlour")
    assert cookie is not None
    return cookie.value


def test_who_signs_up_is_in(client: FlaskClient) -> None:
    """303 to the rooms, with a cookie that scripts and other sites' forms do not get, and that lasts."""
    answer = send(client, "/sign-up", name=" Ada  Lovelace ")
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("parlour=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Expires=" in cookie
    assert "Ada Lovelace" in client.get("/").text


def test_a_password_is_kept_as_a_hash(client: FlaskClient, tmp_path: Path) -> None:
    """Of werkzeug's kind, with salt: two who have the same password have different ones."""
    for name in ("Ada", "Grace"):
        send(client, "/sign-up", name=name)
    connection = sqlite3.connect(tmp_path / "parlour.sqlite3")
    hashes = [password for (password,) in connection.execute("SELECT password FROM account")]
    connection.close()
    assert len(set(hashes)) == 2
    assert all(each.startswith("scrypt:") and PASSWORD not in each for each in hashes)


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        (("", PASSWORD), 400, "Please choose a name."),
        (("<b>", PASSWORD), 400, "A name has letters and digits"),
        (("Grace", "short"), 400, "A password has 8 to 200 characters."),
        (("aDA", PASSWORD), 409, "Somebody has this name already."),
    ],
)
def test_what_is_wrong_with_a_new_account(
    client: FlaskClient, app: Flask, form: tuple[str, str], status: int, reason: str
) -> None:
    """The form comes back with the reason and the name, and nobody is signed in."""
    send(app.test_client(), "/sign-up")
    answer = send(client, "/sign-up", *form)
    assert answer.status_code == status
    assert reason in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert PASSWORD not in answer.text
    assert client.get("/").status_code == 302


def test_signing_in_needs_the_right_password(app: Flask) -> None:
    """The name in any letters; what is wrong, name or password, is not said."""
    send(app.test_client(), "/sign-up")
    client = app.test_client()
    for name, password in (("Ada", "wrong horse"), ("Grace", PASSWORD), ("", "")):
        answer = send(client, "/sign-in", name, password)
        assert answer.status_code == 403
        assert "Name and password do not belong together." in answer.text
    assert client.get("/").status_code == 302
    assert send(client, "/sign-in", "aDa").status_code == 303
    assert client.get("/").status_code == 200


def test_signing_in_leads_back_to_the_room(client: FlaskClient) -> None:
    """Whoever asks for a room signs in, or up, and is there; the address can lead to no other site."""
    answer = client.get("/rooms/book-club")
    assert (answer.status_code, answer.location) == (302, "/sign-in?room=book-club")
    page = client.get(answer.location).text
    assert 'action="/sign-in?room=book-club"' in page
    assert 'href="/sign-up?room=book-club"' in page
    assert send(client, "/sign-up?room=book-club").location == "/rooms/book-club"
    assert send(client, "/sign-in?room=//evil.example").location.startswith("/rooms/")


@pytest.mark.parametrize("path", ["/", "/rooms/lobby", "/rooms/lobby/messages", "/rooms/nowhere"])
def test_nothing_can_be_read_without_signing_in(client: FlaskClient, path: str) -> None:
    """Scripts are told so with 401, people are sent to the form."""
    answer = client.get(path, headers=JSON)
    assert (answer.status_code, answer.json) == (401, {"error": "You are signed out."})
    assert client.get(path).location.startswith("/sign-in")


def test_nothing_can_be_written_without_signing_in(client: FlaskClient) -> None:
    """Neither messages nor rooms."""
    for path in ("/rooms", "/rooms/lobby/messages", "/sign-out"):
        assert client.post(path, data={"text": "x", "name": "x"}, headers=JSON).status_code == 401


def test_signing_out_ends_every_session(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On all devices, of a copied cookie too; open pages are closed, and one can sign in again."""
    told: list[Account] = []
    monkeypatch.setattr(live, "disconnect", told.append)
    send(client, "/sign-up")
    thief, phone = app.test_client(), app.test_client()
    thief.set_cookie("parlour", cookie_of(client))
    send(phone, "/sign-in")
    answer = client.post("/sign-out")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert [account.name for account in told] == ["Ada"]
    assert client.get_cookie("parlour") is None
    for device in (thief, phone):
        assert device.get("/", headers=JSON).status_code == 401
    send(phone, "/sign-in")
    assert phone.get("/").status_code == 200
    assert thief.get("/", headers=JSON).status_code == 401


def test_forms_of_other_sites_do_nothing(client: FlaskClient) -> None:
    """403 for signing up, in and out too, in the form that was asked for."""
    send(client, "/sign-up")
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        for path in ("/sign-up", "/sign-in", "/sign-out", "/rooms", "/rooms/lobby/messages"):
            answer = client.post(path, headers={"Origin": origin, **JSON})
            assert (answer.status_code, answer.json) == (
                403,
                {"error": "This form was sent from another site."},
            )
        assert "from another site" in client.post("/sign-out", headers={"Origin": origin}).text
    assert client.get("/").status_code == 200
    assert client.post("/sign-out", headers={"Origin": "http://localhost"}).status_code == 303


def test_a_forged_cookie_is_nobodys(client: FlaskClient, app: Flask) -> None:
    """One that is signed with another key, and one for an account that does not exist."""
    send(client, "/sign-up")
    client.set_cookie("parlour", cookie_of(client)[:-2])
    assert client.get("/", headers=JSON).status_code == 401
    stranger = app.test_client()
    with stranger.session_transaction() as session:
        session.update(account=99, session=1)
    assert stranger.get("/", headers=JSON).status_code == 401


def test_the_key_of_cookies_is_made_once(tmp_path: Path) -> None:
    """Beside the database, for its owner alone; the next start finds it."""
    key = kept_secret(tmp_path / "new" / "secret_key")
    assert len(key) == 64
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert kept_secret(tmp_path / "new" / "secret_key") == key


def test_workers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    """Whoever is first makes it, all read the same, and nothing else is left there."""
    for attempt in range(20):
        together = Barrier(8)
        path = tmp_path / str(attempt) / "secret_key"

        def start(_: int, together: Barrier = together, path: Path = path) -> str:
            together.wait()
            return kept_secret(path)

        with ThreadPoolExecutor(8) as workers:
            keys = set(workers.map(start, range(8)))
        assert keys == {path.read_text(encoding="ascii")}
        assert list(path.parent.iterdir()) == [path]


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`DEMO_DATABASE`, `DEMO_SECRET_KEY`, and whatever Flask has settings for."""
    monkeypatch.setenv("DEMO_DATABASE", str(tmp_path / "elsewhere.sqlite3"))
    monkeypatch.setenv("DEMO_SECRET_KEY", "12345")
    monkeypatch.setenv("DEMO_SESSION_COOKIE_SECURE", "true")
    app = create_app()
    assert app.secret_key == "12345"
    assert "Secure" in send(app.test_client(), "/sign-up").headers["Set-Cookie"]
    assert (tmp_path / "elsewhere.sqlite3").exists()
    assert not (tmp_path / "secret_key").exists()
    app.extensions["store"].close()
