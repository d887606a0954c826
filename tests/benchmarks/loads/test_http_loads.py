"""Batches and arrivals against a little server in the same loop; nothing depends on how fast it is."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from benchmarks.loads import arrivals, batch
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Arrivals, Batch, Plan

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class Peer:
    """A server that answers each request, and counts requests and how many were open at once."""

    answer: bytes = ANSWER
    close_after: int = 1_000_000
    hold: int = 0  # answers nothing until so many requests are open
    requests: int = 0
    connections: list[int] = field(default_factory=list[int])  # requests on each
    held: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task that the test waits for."""
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until the client leaves."""
        number = len(self.connections)
        self.connections.append(0)
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            self.requests += 1
            self.connections[number] += 1
            if self.requests > self.close_after:
                break
            self.held.append(writer)
            if len(self.held) >= self.hold:
                for each in self.held:
                    each.write(self.answer)
                self.held.clear()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def run(peer: Peer, measure: Callable[[int], Awaitable[Outcome]]) -> Outcome:
    """Measure the peer on the port that it got."""

    async def go() -> Outcome:
        async with await asyncio.start_server(peer.accept, "127.0.0.1", 0) as server, asyncio.timeout(20):
            outcome = await measure(server.sockets[0].getsockname()[1])
            await asyncio.gather(*peer.tasks)
        return outcome

    return asyncio.run(go())


def run_batch(peer: Peer, connections: int, rate: float) -> Outcome:
    """Send a batch of `rate` requests."""
    load = Batch("hi", connections, rate)
    return run(peer, lambda port: batch.measure(Plan(os.getpid(), port, 0, 1, load), load))


def run_arrivals(peer: Peer, connections: int, seconds: float = 0.05) -> Outcome:
    """Send a request each millisecond."""
    load = Arrivals("hi", connections, 1000)
    return run(peer, lambda port: arrivals.measure(Plan(os.getpid(), port, 0.01, seconds, load), load))


def test_a_batch_sends_as_many_requests_as_planned() -> None:
    """One on each connection for warm-up, which do not count, then the batch, and none after its end."""
    peer = Peer()
    outcome = run_batch(peer, connections=4, rate=30)
    assert (outcome.answers, outcome.errors, outcome.figures) == (30, 0, {})
    assert peer.requests == 34
    assert min(peer.connections) > 1


def test_a_batch_may_be_smaller_than_the_number_of_connections() -> None:
    """Connections without a request stay idle."""
    peer = Peer()
    assert run_batch(peer, connections=4, rate=2).answers == 2
    assert peer.requests == 6


def test_all_connections_of_a_batch_have_a_request_under_way() -> None:
    """A server that waits for four at a time gets them."""
    assert run_batch(Peer(hold=4), connections=4, rate=40).answers == 40


def test_arrivals_do_not_wait_for_answers() -> None:
    """A server that answers ten at a time gets ten; each request is timed, and connections take turns."""
    peer = Peer(hold=10)
    outcome = run_arrivals(peer, connections=20)
    assert (outcome.answers, outcome.errors) == (50, 0)
    assert set(outcome.figures) == {"answer p50", "answer p99", "answer max"}
    assert peer.connections == [3] * 20


def test_an_arrival_waits_for_a_connection() -> None:
    """With all connections busy a request is sent later, but none is left out."""
    assert run_arrivals(Peer(), connections=1).answers == 50


@pytest.mark.parametrize("measure", [lambda peer: run_batch(peer, 2, 20), lambda peer: run_arrivals(peer, 2)])
@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (lambda: Peer(answer=ANSWER.replace(b"200", b"500")), "unexpected answer"),
        (lambda: Peer(close_after=5), "connection closed by the server"),
    ],
    ids=["wrong", "closed"],
)
def test_an_error_ends_the_measurement(
    measure: Callable[[Peer], Outcome], peer: Callable[[], Peer], reason: str
) -> None:
    """It is in the outcome, and the generator does not wait for answers that will not come."""
    outcome = measure(peer())
    assert outcome.errors
    assert reason in outcome.first_error


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends, with a reason for the table."""
    for module in (batch, arrivals):
        monkeypatch.setattr(module, "PATIENCE", 0.05)
    for outcome in (run_batch(Peer(hold=100), 2, 20), run_arrivals(Peer(hold=100), 2)):
        assert outcome.first_error == "the answers took too long"
