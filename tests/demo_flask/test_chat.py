from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from demo_flask import live, store
from demo_flask.app import create_app
from demo_flask.store import Message, Room

JSON = {"Accept": "application/json"}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Make a chat with an empty database, in which people may write as fast as they can."""
    monkeypatch.setattr(store, "MESSAGES", 10_000)
    app = create_app(tmp_path / "parlour.sqlite3")
    yield app
    app.extensions["store"].close()


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """Give the browser of somebody who is signed in."""
    return sign_up(app, "Ada")


def sign_up(app: Flask, name: str) -> FlaskClient:
    """Sign somebody up and return their browser."""
    client = app.test_client()
    assert client.post("/sign-up", data={"name": name, "password": "correct horse"}).status_code == 303
    return client


def say(client: FlaskClient, text: str = "Hello", room: str = "lobby", key: str = "", **options: Any) -> Any:
    """Post a message as a plain form does, or with `headers=JSON` as a script does."""
    return client.post(f"/rooms/{room}/messages", data={"text": text, "key": key}, **options)


def listed(client: FlaskClient, query: str = "after=0", room: str = "lobby") -> Any:
    """Return what a page is told when it asks for what it lacks."""
    return client.get(f"/rooms/{room}/messages?{query}", headers=JSON).json


def test_there_is_a_lobby_and_it_is_empty(ada: FlaskClient) -> None:
    """The list of rooms has one, whose page works and has no messages."""
    assert 'href="/rooms/lobby"' in ada.get("/").text
    page = ada.get("/rooms/lobby").text
    assert "Nobody has said anything here yet" in page
    assert 'data-newest="0"' in page


def test_rooms_are_opened_by_name(ada: FlaskClient) -> None:
    """303 to the room, which is in the list from then on; one that is there is gone to."""
    for name in ("Book club!", "book CLUB"):
        answer = ada.post("/rooms", data={"name": name})
        assert (answer.status_code, answer.location) == (303, "/rooms/book-club")
    assert ada.get("/").text.count("Book club!") == 1
    page = ada.get("/rooms/book-club").text
    assert '<h1 dir="auto">Book club!</h1>' in page
    assert 'href="/rooms/lobby"' in page


def test_rooms_have_names_of_any_alphabet(ada: FlaskClient) -> None:
    """Their addresses are encoded, and work."""
    answer = ada.post("/rooms", data={"name": "日本語"})
    assert say(ada, room=answer.location.removeprefix("/rooms/")).status_code == 303
    assert "Hello" in ada.get(answer.location).text


def test_a_room_that_cannot_be_opened(ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says why, and the name is in the form still."""
    answer = ada.post("/rooms", data={"name": '"?!'})
    assert answer.status_code == 400
    assert "A room&#39;s name needs a letter or a digit." in answer.text
    assert 'value="&#34;?!"' in answer.text
    monkeypatch.setattr(store, "MAX_ROOMS", 1)
    answer = ada.post("/rooms", data={"name": "Attic"})
    assert answer.status_code == 409
    assert "There are too many rooms." in answer.text


def test_a_plain_form_posts_and_is_redirected(ada: FlaskClient) -> None:
    """Without a script: 303 to the room, which then shows the message."""
    answer = say(ada, "Hello\r\nworld ")
    assert (answer.status_code, answer.location) == (303, "/rooms/lobby")
    page = ada.get("/rooms/lobby").text
    assert '<strong class="author" dir="auto">Ada</strong>' in page
    assert "Hello\nworld</p>" in page
    assert "1 message<" in ada.get("/").text


def test_the_script_posts_and_gets_json(ada: FlaskClient) -> None:
    """201 and the message as it is kept."""
    answer = say(ada, headers=JSON)
    assert answer.status_code == 201
    message = answer.json["message"]
    assert (message["number"], message["author"], message["text"]) == (1, "Ada", "Hello")
    assert message["created"].endswith("Z")


def test_rooms_are_apart(ada: FlaskClient) -> None:
    """What is said in one is not heard in another."""
    ada.post("/rooms", data={"name": "Garden"})
    say(ada, "in the garden", "garden")
    assert listed(ada)["messages"] == []
    assert [message["text"] for message in listed(ada, room="garden")["messages"]] == ["in the garden"]


def test_a_message_that_is_sent_again_is_kept_and_announced_once(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that has had no answer sends the same key again, and gets the same message."""
    announced: list[tuple[Room, Message]] = []
    monkeypatch.setattr(live, "announce", lambda *message: announced.append(message))
    answers = [say(ada, key="k1", headers=JSON) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert say(ada, "").status_code == 400
    say(ada, "another", key="k2")
    assert [(room.slug, message.number, message.text) for room, message in announced] == [
        ("lobby", 1, "Hello"),
        ("lobby", 2, "another"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Please write something."),
        ("\r\n\x00 ", "Please write something."),
        ("x" * 1001, "A message has at most 1000 characters, not 1001."),
    ],
)
def test_what_cannot_be_said(ada: FlaskClient, text: str, reason: str) -> None:
    """400 with the reason, in JSON and on the page, where the form still holds what was written."""
    answer = say(ada, text, headers=JSON)
    assert (answer.status_code, answer.json) == (400, {"error": reason})
    page = say(ada, text)
    assert page.status_code == 400
    assert reason in page.text
    assert page.text.count('aria-invalid="true"') == 1
    assert text.strip("\x00\r\n ") in page.text
    assert listed(ada)["messages"] == []


def test_who_writes_too_fast_is_told_when_to_go_on(ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with Retry-After, in JSON and on the page; the text is in the form still."""
    monkeypatch.setattr(store, "MESSAGES", 1)
    say(ada)
    for headers in (JSON, {}):
        answer = say(ada, "wait for me", headers=headers)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= store.SECONDS
        assert "You write faster than others can read." in answer.text
    assert "wait for me</textarea>" in answer.text


def test_a_form_that_is_far_too_large_is_refused(ada: FlaskClient) -> None:
    """413 before the text is looked at, for the script as JSON."""
    answer = say(ada, "x" * 20_000, headers=JSON)
    assert answer.status_code == 413
    assert "data" in answer.json["error"]
    assert say(ada, "x" * 20_000).mimetype == "text/html"


def test_markup_is_shown_and_not_run(ada: FlaskClient) -> None:
    """What people write is escaped, in the list, and in the form when it comes back."""
    ada.post("/rooms", data={"name": "<i>Lab</i>"})
    say(ada, '<script>alert("1")</script>', "i-lab-i")
    pages = ada.get("/rooms/i-lab-i").text + ada.get("/").text
    assert "&lt;script&gt;alert(" in pages
    assert "<script>alert" not in pages
    assert "<i>Lab" not in pages
    page = say(ada, "</textarea><script>" + "x" * 1000).text
    assert "</textarea><script>" not in page


def test_what_a_page_missed(ada: FlaskClient) -> None:
    """`?after=NUMBER` gives later messages, oldest first, at most fifty, and if there are more."""
    for n in range(60):
        say(ada, f"message {n}")
    first = listed(ada, "after=5")
    assert [message["number"] for message in first["messages"]] == list(range(6, 56))
    assert first["more"] is True
    rest = listed(ada, "after=55")
    assert [message["number"] for message in rest["messages"]] == list(range(56, 61))
    assert rest["more"] is False
    assert listed(ada, f"after={10**30}") == {"messages": [], "more": False}
    assert listed(ada, "after=-1")["messages"][0]["number"] == 1


def test_what_came_before(ada: FlaskClient) -> None:
    """`?before=NUMBER` gives the last messages before one, oldest first, and if there are more."""
    for n in range(60):
        say(ada, f"message {n}")
    found = listed(ada, "before=56")
    assert [message["number"] for message in found["messages"]] == list(range(6, 56))
    assert found["more"] is True
    found = listed(ada, "before=6")
    assert [message["number"] for message in found["messages"]] == list(range(1, 6))
    assert found["more"] is False
    assert listed(ada, "before=1") == {"messages": [], "more": False}


def test_a_wrong_number_is_refused(ada: FlaskClient) -> None:
    """400 with one clear sentence."""
    for name in ("after", "before"):
        answer = ada.get(f"/rooms/lobby/messages?{name}=yesterday", headers=JSON)
        assert answer.status_code == 400
        assert answer.json == {"error": f"{name} must be a whole number: that of a message"}


def test_the_page_shows_the_newest_messages_and_links_to_older_ones(ada: FlaskClient) -> None:
    """Fifty of them, the newest last; the pages of older ones go back to the first, and have no form."""
    for n in range(55):
        say(ada, f"message {n}")
    page = ada.get("/rooms/lobby").text
    assert page.count('<li class="message mine') == 50
    assert page.index("message 53<") < page.index("message 54<")
    assert "message 4<" not in page
    assert 'data-newest="55"' in page
    assert 'id="older" href="/rooms/lobby?before=6"' in page
    page = ada.get("/rooms/lobby?before=6").text
    assert page.count('<li class="message mine') == 5
    assert 'id="older" hidden' in page
    assert 'id="composer"' not in page
    assert 'href="/rooms/lobby">Newest messages' in page


def test_several_messages_in_a_row_have_the_name_once(app: Flask, ada: FlaskClient) -> None:
    """The next by somebody else has it again."""
    grace = sign_up(app, "Grace")
    for client in (ada, ada, grace, ada):
        say(client)
    page = grace.get("/rooms/lobby").text
    assert page.count('<li class="message follows"') == 1
    assert page.count('<li class="message mine"') == 1
    assert page.count('<li class="message"') == 2 + 1  # and the template that the script fills


def test_every_answer_forbids_foreign_and_inline_code(ada: FlaskClient) -> None:
    """The content security policy has no exception, and no page contains inline code or styles."""
    for path in ("/", "/rooms/lobby", "/rooms/lobby/messages", "/sign-in", "/static/room.js", "/nothing"):
        with ada.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            text = answer.get_data(as_text=True)
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        if answer.mimetype == "text/html":
            assert text.count("<script") == text.count('<script src="/static/')
            assert "<style" not in text
            assert " style=" not in text
            assert answer.headers["Cache-Control"] == "no-store"


def test_errors_come_in_the_form_that_was_asked_for(ada: FlaskClient) -> None:
    """A missing page is HTML for a person and JSON for the script, with the fields that belong to it."""
    answer = ada.get("/rooms/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no such room." in answer.text
    answer = ada.get("/rooms/nowhere/messages", headers=JSON)
    assert (answer.status_code, answer.json) == (404, {"error": "There is no such room."})
    answer = ada.get("/rooms", headers=JSON)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
