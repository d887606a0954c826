from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo_flask import live
from demo_flask.board import create_app

JSON = {"Accept": "application/json"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """Give a client of a board with an empty database."""
    app = create_app(tmp_path / "board.sqlite3")
    with app.test_client() as client:
        yield client
    app.extensions["board"].close()


def post(client: FlaskClient, author: str = "Ada", text: str = "Hello", **options: Any) -> Any:
    """Post a message as a plain form does."""
    return client.post("/messages", data={"author": author, "text": text}, **options)


def listed(client: FlaskClient, after: int = 0) -> Any:
    """Return what the board tells a page that has seen all messages up to this id."""
    return client.get(f"/messages?after={after}").json


def test_an_empty_board_says_so(client: FlaskClient) -> None:
    """The page of a new board works and has no messages."""
    page = client.get("/")
    assert page.status_code == 200
    assert "Nothing here yet" in page.text
    assert 'data-newest="0"' in page.text


def test_a_plain_form_posts_and_is_redirected(client: FlaskClient) -> None:
    """Without a script: 303 to the page, which then shows the message."""
    answer = post(client, author=" Ada  Lovelace ", text="Hello\r\nworld ")
    assert (answer.status_code, answer.location) == (303, "/")
    page = client.get("/").text
    assert '<strong class="author" dir="auto">Ada Lovelace</strong>' in page
    assert "Hello\nworld</p>" in page


def test_the_script_posts_and_gets_json(client: FlaskClient) -> None:
    """201 and the message as it is kept."""
    answer = post(client, headers=JSON)
    assert answer.status_code == 201
    message = answer.json["message"]
    assert (message["id"], message["author"], message["text"]) == (1, "Ada", "Hello")
    assert message["created"].endswith("Z")


@pytest.mark.parametrize(
    ("author", "text", "field", "reason"),
    [
        ("", "Hello", "author", "Please write your name."),
        (" \n", "Hello", "author", "Please write your name."),
        ("x" * 41, "Hello", "author", "A name has at most 40 characters, not 41."),
        ("Ada", "", "text", "Please write something."),
        ("Ada", "\r\n\x00 ", "text", "Please write something."),
        ("Ada", "x" * 501, "text", "A message has at most 500 characters, not 501."),
    ],
)
def test_what_cannot_go_on_the_board(
    client: FlaskClient, author: str, text: str, field: str, reason: str
) -> None:
    """400 with the reason, in JSON and on the page, where the form still holds what was written."""
    answer = post(client, author, text, headers=JSON)
    assert (answer.status_code, answer.json) == (400, {"error": reason, "field": field})
    page = post(client, author, text)
    assert page.status_code == 400
    assert reason in page.text
    assert page.text.count('aria-invalid="true"') == 1
    assert f'value="{author}"' in page.text
    assert listed(client)["messages"] == []


def test_the_longest_name_and_text_fit(client: FlaskClient) -> None:
    """40 and 500 characters of any alphabet are accepted."""
    assert post(client, "🎈" * 40, "語" * 500).status_code == 303


def test_control_characters_are_dropped(client: FlaskClient) -> None:
    """Terminal escapes and the like are not kept; tabs are, and so is what other alphabets need."""
    post(client, "A\x9bda\x1b", "one\ttwo\x00\u200dthree")
    (message,) = listed(client)["messages"]
    assert (message["author"], message["text"]) == ("Ada", "one\ttwo\u200dthree")


def test_a_form_that_is_far_too_large_is_refused(client: FlaskClient) -> None:
    """413 before the text is looked at, for the script as JSON."""
    answer = post(client, text="x" * 20_000, headers=JSON)
    assert answer.status_code == 413
    assert "data" in answer.json["error"]
    assert post(client, text="x" * 20_000).status_code == 413


def test_markup_is_shown_and_not_run(client: FlaskClient) -> None:
    """What people write is escaped, in the list, and in the form when it comes back."""
    post(client, "<b>Ada</b>", '<script>alert("1")</script>')
    page = client.get("/").text
    assert "&lt;script&gt;alert(" in page
    assert "<script>alert" not in page
    assert "<b>Ada" not in page
    page = post(client, '"><script>alert(1)</script>', "</textarea><script>" + "x" * 500).text
    assert "<script>alert" not in page
    assert "</textarea><script>" not in page


def test_other_sites_cannot_post(client: FlaskClient) -> None:
    """A form on another site's page gets 403 and nothing is kept; the board's own page may post."""
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        assert post(client, headers={"Origin": origin}).status_code == 403
        answer = post(client, headers={"Origin": origin, **JSON})
        assert (answer.status_code, answer.json["error"]) == (403, "This form was sent from another site.")
    assert listed(client)["messages"] == []
    assert post(client, headers={"Origin": "http://localhost"}).status_code == 303


def test_what_a_page_missed(client: FlaskClient) -> None:
    """`/messages?after=ID` gives later messages, oldest first, at most fifty, and if there are more."""
    for n in range(60):
        post(client, text=f"message {n}")
    first = listed(client, 5)
    assert [message["id"] for message in first["messages"]] == list(range(6, 56))
    assert first["more"] is True
    rest = listed(client, 55)
    assert [message["id"] for message in rest["messages"]] == list(range(56, 61))
    assert rest["more"] is False
    assert listed(client, 10**30) == {"messages": [], "more": False}
    assert listed(client, -1)["messages"][0]["id"] == 1


def test_a_wrong_after_is_refused(client: FlaskClient) -> None:
    """400 with one clear sentence."""
    answer = client.get("/messages?after=yesterday")
    assert answer.status_code == 400
    assert answer.json is not None
    assert "after must be a whole number" in answer.json["error"]


def test_the_page_shows_the_newest_messages_first(client: FlaskClient) -> None:
    """Fifty of them, and it knows the id of the newest."""
    for n in range(55):
        post(client, text=f"message {n}")
    page = client.get("/").text
    assert page.count('<li class="message" id="message-') == 50 + 1  # and the template that the script fills
    assert page.index("message 54<") < page.index("message 53<")
    assert "message 4<" not in page
    assert 'data-newest="55"' in page


def test_every_answer_forbids_foreign_and_inline_code(client: FlaskClient) -> None:
    """The content security policy has no exception, and no page contains inline code or styles."""
    for path in ("/", "/messages", "/static/board.js", "/nothing"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
    page = client.get("/").text
    assert page.count("<script") == page.count('<script src="/static/') == 1
    assert "<style" not in page
    assert " style=" not in page


def test_errors_come_in_the_form_that_was_asked_for(client: FlaskClient) -> None:
    """A missing page is HTML for a person and JSON for the script."""
    assert client.get("/nothing").mimetype == "text/html"
    answer = client.get("/nothing", headers=JSON)
    assert answer.status_code == 404
    assert answer.json is not None
    assert "not found" in answer.json["error"].lower()


def test_a_post_is_announced(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view hands each message to the live side after it was kept, and only what is valid."""
    announced: list[dict[str, Any]] = []
    monkeypatch.setattr(live, "announce", announced.append)
    post(client, text="one")
    post(client, text="")
    post(client, text="two")
    assert [(message["id"], message["text"]) for message in announced] == [(1, "one"), (2, "two")]


def test_the_database_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BOARD_DB` names the file; without it the file is in Flask's instance folder."""
    monkeypatch.setenv("BOARD_DB", str(tmp_path / "elsewhere.sqlite3"))
    assert create_app().extensions["board"].path == tmp_path / "elsewhere.sqlite3"
    monkeypatch.delenv("BOARD_DB")
    app = create_app()
    assert app.extensions["board"].path == Path(app.instance_path, "board.sqlite3")
