import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.process import DEADLINE, ServerProcess


def open_page(
    board: ServerProcess, path: str = "/ws", origin: str | None = None
) -> AbstractContextManager[ClientConnection]:
    """Connect as an open page does; by default as a program, without an Origin."""
    address = f"ws://127.0.0.1:{board.port}{path}"
    return connect(address, origin=None if origin is None else Origin(origin), open_timeout=DEADLINE)


def post(board: ServerProcess, text: str) -> Any:
    """Post a message and return it as the board keeps it."""
    form = urlencode({"author": "Ada", "text": text}).encode()
    request = Request(f"{board.url}/messages", form, {"Accept": "application/json"})
    with urlopen(request, timeout=DEADLINE) as answer:
        assert answer.status == 201
        return json.load(answer)["message"]


def hear(page: ClientConnection) -> Any:
    """Return the next thing that a page is told."""
    return json.loads(page.recv(timeout=DEADLINE))


def test_two_pages_see_what_a_post_wrote(board: ServerProcess) -> None:
    """A synchronous Flask view on a worker thread reaches two WebSockets on the event loop, and SQLite."""
    with open_page(board) as first, open_page(board) as second:
        message = post(board, "Hello <b>both</b> 🎈")
        assert message["text"] == "Hello <b>both</b> 🎈"
        assert hear(first) == hear(second) == {"type": "message", "message": message}
    with urlopen(f"{board.url}/messages?after=0", timeout=DEADLINE) as answer:
        assert json.load(answer) == {"messages": [message], "more": False}


def test_many_posts_at_once_reach_every_page_in_order(board: ServerProcess) -> None:
    """Eight clients post at the same time: every page hears of every message, in the order of their ids."""
    with ExitStack() as stack:
        pages = [stack.enter_context(open_page(board)) for _ in range(5)]
        with ThreadPoolExecutor(8) as clients:
            posted = list(clients.map(lambda n: post(board, f"message {n}"), range(40)))
        expected = sorted(posted, key=lambda message: int(message["id"]))
        assert [message["id"] for message in expected] == list(range(1, 41))
        for page in pages:
            assert [hear(page)["message"] for _ in expected] == expected


def test_a_page_that_closes_disturbs_nobody(board: ServerProcess) -> None:
    """Others go on hearing of messages after one has closed, politely or not."""
    with open_page(board) as stays:
        with open_page(board):
            pass
        with open_page(board) as rude:
            rude.socket.shutdown(socket.SHUT_RDWR)
        message = post(board, "still here")
        assert hear(stays)["message"] == message


def test_pings_are_answered_and_chatter_is_ignored(board: ServerProcess) -> None:
    """What a page sends is ignored, text or bytes, but for `ping`."""
    with open_page(board) as page:
        for chatter in ("hello", b"ping", "{}", "ping"):
            page.send(chatter)
        assert hear(page) == {"type": "pong"}
        assert hear_after(board, page)["text"] == "next"


def hear_after(board: ServerProcess, page: ClientConnection) -> Any:
    """Post `next` and return what the page hears of it."""
    post(board, "next")
    return hear(page)["message"]


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/more", "/other", "/messages"])
def test_only_one_path_is_a_websocket(board: ServerProcess, path: str) -> None:
    """Any other path is refused with 403."""
    with pytest.raises(InvalidStatus) as refused, open_page(board, path):
        pass
    assert refused.value.response.status_code == 403


def test_pages_of_other_sites_cannot_listen(board: ServerProcess) -> None:
    """A handshake whose Origin is another site is refused; the board's own page is welcome."""
    for origin in ("https://evil.example", f"http://127.0.0.1:{board.port + 1}", "null"):
        with pytest.raises(InvalidStatus) as refused, open_page(board, origin=origin):
            pass
        assert refused.value.response.status_code == 403
    with open_page(board, origin=board.url) as page:
        assert hear_after(board, page)["text"] == "next"


def test_the_server_stops_while_pages_are_open(board: ServerProcess) -> None:
    """SIGTERM ends the sockets with 1001 or 1012 and the process with exit code 0."""
    with open_page(board) as page:
        assert board.terminate() == 0
        with pytest.raises(ConnectionClosed):
            page.recv(timeout=DEADLINE)
        assert page.close_code in (1001, 1012)
