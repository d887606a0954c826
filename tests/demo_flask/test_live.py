import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.needs import require_module
from tests.support.parlour import Person, serve_parlour
from tests.support.process import DEADLINE, ServerProcess
from tests.support.redis import free_port

Sign = Callable[[str], Person]


def refusal(person: Person, path: str | None = None, origin: str | None = None) -> int:
    """Return the status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refused, person.socket(path, origin):
        pass
    return refused.value.response.status_code


def test_two_people_hear_what_one_says(person: Sign) -> None:
    """A synchronous Flask view on a worker thread reaches all WebSockets of the room, and SQLite."""
    ada, grace = person("Ada"), person("Grace")
    with ada.window() as first, grace.window() as second:
        message = ada.say("Hello <b>both</b> 🎈")
        assert message["text"] == "Hello <b>both</b> 🎈"
        for window in (first, second):
            assert window.hear("message") == {"type": "message", "message": message}
    assert grace.missed() == [message]


def test_other_rooms_hear_nothing(person: Sign) -> None:
    """What is said in the lobby does not come to who is elsewhere."""
    ada, grace = person("Ada"), person("Grace")
    grace.client.post("/rooms", data={"name": "Garden"})
    grace.room = "garden"
    with grace.window() as window:
        ada.say("in the lobby")
        message = grace.say("in the garden")
        assert window.hear("message")["message"] == message


def test_who_is_here(person: Sign) -> None:
    """Who opens a page is told who is there; these hear who comes and goes; a list has each name once."""
    ada, grace = person("Ada"), person("Grace")
    with ada.window() as window:
        assert window.people == ["Ada"]
        with grace.window() as other:
            assert sorted(other.people) == ["Ada", "Grace"]
            joined = window.hear("group.join")
            assert joined["metadata"]["name"] == "Grace"
            with grace.window() as third:
                assert sorted(third.people) == ["Ada", "Grace", "Grace"]
                assert window.hear("group.join")["channel"] != joined["channel"]
                assert "2 here" in grace.client.get("/", headers={"Accept": "text/html"}).text
            assert window.hear("group.leave")["channel"] != joined["channel"]
        assert window.hear("group.leave")["channel"] == joined["channel"]
        page = grace.client.get("/rooms/lobby", headers={"Accept": "text/html"}).text
        assert '<span class="name" dir="auto">Ada</span>' in page


def test_a_page_that_vanishes_leaves(person: Sign) -> None:
    """Its connection broken without a word: the others are told, and go on hearing of messages."""
    ada, grace = person("Ada"), person("Grace")
    with ada.window() as stays:
        with grace.window() as rude:
            rude.connection.socket.shutdown(socket.SHUT_RDWR)
            assert stays.hear("group.leave")["metadata"]["name"] == "Grace"
        message = grace.say("still here")
        assert stays.hear("message")["message"] == message


@pytest.mark.parametrize("everybody", [8])
def test_many_posts_at_once_reach_every_page(person: Sign, everybody: int) -> None:
    """Eight people post at the same time: every page hears of every message, and numbers have no gap."""
    people = [person(f"Person {n}") for n in range(everybody)]
    with ExitStack() as stack:
        windows = [stack.enter_context(each.window()) for each in people[:4]]
        with ThreadPoolExecutor(everybody) as threads:
            posted = [
                message
                for messages in threads.map(lambda each: [each.say(f"{n}") for n in range(5)], people)
                for message in messages
            ]
        posted.sort(key=lambda message: int(message["number"]))
        assert [message["number"] for message in posted] == list(range(1, 5 * everybody + 1))
        for window in windows:
            heard = [window.hear("message")["message"] for _ in posted]
            assert sorted(heard, key=lambda message: int(message["number"])) == posted


def test_a_page_learns_whether_it_has_missed_something(person: Sign) -> None:
    """Whatever it says is answered with the number of the room's newest message."""
    ada = person("Ada")
    with ada.window() as window:
        assert window.ping() == {"type": "pong", "newest": 0}
        for n in range(3):
            ada.say(f"message {n}")
        assert window.ping() == {"type": "pong", "newest": 3}


def test_a_websocket_is_for_those_who_are_signed_in(person: Sign) -> None:
    """Without the cookie 401, in no room that exists 404, from another site's page 403."""
    ada = person("Ada")
    assert refusal(ada, "/ws/nowhere") == 404
    assert refusal(ada, "/ws") == 404
    for origin in ("https://evil.example", "null"):
        assert refusal(ada, origin=origin) == 403
    with ada.socket():
        pass
    ada.client.cookies.clear()
    assert refusal(ada) == 401


def test_signing_out_ends_all_pages(person: Sign) -> None:
    """Their WebSockets are closed at once, with 4401, and other people's are left alone."""
    ada, grace = person("Ada"), person("Grace")
    with ada.window() as first, ada.window() as second, grace.window() as other:
        assert ada.client.post("/sign-out").status_code == 303
        for window in (first, second):
            with pytest.raises(ConnectionClosed):
                window.hear("pong")
            assert window.connection.close_code == 4401
        assert other.ping() == {"type": "pong", "newest": 0}


def test_history_outlives_the_server(database: Path) -> None:
    """A server that starts again on the same port knows accounts, sessions and messages."""
    with serve_parlour(database, free_port()) as server, Person(server.url, "Ada") as ada:
        message = ada.say("before")
        with ada.window() as window:
            assert server.terminate() == 0
            with pytest.raises(ConnectionClosed):
                window.connection.recv(timeout=DEADLINE)
            assert window.connection.close_code in (1001, 1012)
        with serve_parlour(database, server.port), ada.window() as window:
            assert window.people == ["Ada"]
            assert window.ping() == {"type": "pong", "newest": 1}
            after = ada.say("after")
            assert window.hear("message")["message"] == after
            assert ada.missed() == [message, after]


def test_posting_works_while_nobody_listens(parlour: ServerProcess, person: Sign) -> None:
    """No page is open: the message is kept, and the list says that nobody is there."""
    ada = person("Ada")
    ada.say("Hello?")
    assert "Nobody here" in ada.client.get(parlour.url, headers={"Accept": "text/html"}).text


def test_a_page_while_redis_is_away(database: Path) -> None:
    """It is told to come again later, without a traceback; it can be read and written to meanwhile."""
    require_module("redis")
    nobody = {"HYBRID_LAYER": "redis://127.0.0.1:1/0"}
    with serve_parlour(database, env=nobody) as server, Person(server.url, "Ada") as ada:
        assert ada.say("hello")["text"] == "hello"
        with ada.socket() as connection, pytest.raises(ConnectionClosed):
            connection.recv(timeout=DEADLINE)
        assert connection.close_code == 1013
        assert ada.client.get("/rooms/lobby").status_code == 200
        assert "Traceback" not in server.stderr
