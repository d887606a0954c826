"""In which order responses that wait are sent (RFC 9218), as a client sees it whose window is closed."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import groupby

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from tests.support.http2_frames import END_STREAM, Frame, Kind, frame
from tests.support.http2_raw import Field, RawClient, raw_http2
from tests.support.http2_servers import part, served, serving, start

#: Bytes that the client takes before it says more (RFC 9113 section 6.9.2), and those of a full frame.
WINDOW = 65_535
FRAME = 16_384
FILLING = 1


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Fill the client's window, or answer with three frames of a letter, with the field that the query says.

    The filling is as large as the window, so that nothing is left of it.
    """
    if scope["path"] == "/fill":
        await start(send)
        await part(send, bytes(WINDOW))
        return
    field = scope["query_string"]
    await start(send, *([(b"priority", field)] if field else []))
    await part(send, scope["path"][1:].encode() * (3 * FRAME))


class Waiting:
    """A client to whom responses wait, each on a stream that is named by a letter."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self._names: dict[int, str] = {}

    def ask(self, name: str, *fields: Field, query: str = "") -> int:
        """Ask for three frames, and return the number of the stream when they wait."""
        number = FILLING + 2 * (len(self._names) + 1)
        self._names[number] = name
        path = f"/{name}?{query}" if query else f"/{name}"
        self.client.send(self.client.request(number, *fields, path=path))
        self.client.read_until(lambda each: (each.kind, each.stream) == (Kind.HEADERS, number))
        return number

    def change(self, stream: int, value: str) -> None:
        """Send a PRIORITY_UPDATE (RFC 9218 section 7.1)."""
        payload = stream.to_bytes(4, "big") + value.encode()
        self.client.send(frame(Kind.PRIORITY_UPDATE, payload))

    def take(self, frames: int) -> str:
        """Let so many full frames come, and return whose they are."""
        self.client.send(frame(Kind.WINDOW_UPDATE, (frames * FRAME).to_bytes(4, "big")))
        return "".join(self._names[self._data().stream] for _ in range(frames))

    def _data(self) -> Frame:
        *_, found = self.client.read_until(lambda each: each.kind == Kind.DATA and each.payload)
        return found


@contextmanager
def waiting(priorities: Mapping[str, str] | None = None) -> Generator[Waiting]:
    """Let a client fill its window, and ask for what then waits, with these priorities."""
    with serving(app) as server, raw_http2(server) as client:
        client.greet({4: 1 << 20})  # each stream has room: it is the connection that has none
        client.send(client.request(FILLING, path="/fill"))
        client.read_until(lambda each: each.kind == Kind.DATA and each.flags & END_STREAM)
        those = Waiting(client)
        for name, priority in (priorities or {}).items():
            those.ask(name, *([("priority", priority)] if priority else []))
        yield those


@pytest.mark.parametrize(
    ("priorities", "order"),
    [
        ({"a": "", "b": "", "c": ""}, "aaabbbccc"),
        ({"a": "u=5", "b": "u=1", "c": ""}, "bbbcccaaa"),
        ({"a": "i", "b": "i", "c": "i"}, "abcabcabc"),
        ({"a": "u=4, i", "b": "i", "c": "u=4, i", "d": "i"}, "bdbdbdacacac"),
    ],
    ids=["one-by-one", "urgent-first", "in-turn", "both"],
)
def test_order(priorities: dict[str, str], order: str) -> None:
    """More urgent responses come before others; those that can be used in parts take turns."""
    with waiting(priorities) as those:
        assert those.take(len(order)) == order


def test_both_kinds_share() -> None:
    """One that comes as a whole does not hold up one that can be used in parts."""
    with waiting({"a": "", "b": "i"}) as those:
        assert those.take(6) in ("ababab", "bababa")


def test_urgent_one_overtakes() -> None:
    """A response that comes later and is more urgent goes first, in the middle of another one."""
    with waiting({"a": ""}) as those:
        assert those.take(1) == "a"
        those.ask("b", ("priority", "u=0"))
        assert those.take(5) == "bbbaa"


def test_priority_update() -> None:
    """The client may change its mind while responses wait."""
    with waiting({"a": "", "b": "", "c": ""}) as those:
        those.change(7, "u=1")
        those.change(3, "u=6")
        those.client.ping()
        groups = [(name, len(list(group))) for name, group in groupby(those.take(9))]
        assert groups == [("c", 3), ("b", 3), ("a", 3)]


def test_priority_update_ahead_of_the_request() -> None:
    """What it says holds from the start, whatever the request's own field says."""
    with waiting({"a": ""}) as those:
        those.change(FILLING + 4, "u=1")
        those.ask("b", ("priority", "u=5"))
        assert those.take(6) == "bbbaaa"


def test_priority_update_of_what_is_not_there() -> None:
    """One for a stream that is over, or is never opened, changes nothing."""
    with waiting({"a": "", "b": ""}) as those:
        those.change(FILLING, "u=0")
        those.change(99, "u=0")
        those.client.ping()
        assert those.take(6) == "aaabbb"


@pytest.mark.parametrize(
    ("asked", "said", "order"),
    [
        ("", "u=1", "bbbaaa"),
        ("u=0", "u=5", "aaabbb"),
        ("u=1", "i", "bbbaaa"),
        ("u=1", "what is this?", "bbbaaa"),
        ("", "u=4", "aaabbb"),
    ],
)
def test_field_of_the_response(asked: str, said: str, order: str) -> None:
    """What the application says of the order counts more than what the client does, where it says anything;
    the client gets the field as well.
    """
    with waiting({"a": ""}) as those:
        those.ask("b", *([("priority", asked)] if asked else []), query=said.replace(" ", "%20"))
        assert those.take(6) == order


def test_field_of_the_response_makes_it_share() -> None:
    """An application that sends events can say that they are of use at once."""
    with waiting({"a": ""}) as those:
        those.ask("b", query="i")
        assert those.take(6) in ("ababab", "bababa")


def test_field_of_the_response_is_sent() -> None:
    """It reaches the client, which may be a proxy that goes by it."""
    with served(app) as client:
        assert client.ask("/a?u=1,%20i").values(b"priority") == [b"u=1,%20i"]
        assert client.ask("/a").values(b"priority") == []
