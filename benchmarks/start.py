"""How long a server takes from nothing to its first answer, and how much memory it holds then."""

import contextlib
import socket
import time
from collections.abc import Mapping
from subprocess import Popen

from benchmarks.contestants import Contestant
from benchmarks.cpu import family
from benchmarks.loads.clients import GET, parse_answer
from benchmarks.loads.outcome import Outcome, Reading
from benchmarks.loads.plan import Start
from benchmarks.memory import resident
from benchmarks.servers import START_TIMEOUT, Server, ServerError, free_port, spawned

#: Seconds between two tries to connect: what a start may be found longer than it is.
_STEP = 0.001


def measure_start(
    contestant: Contestant, load: Start, variables: Mapping[str, str], cpus: frozenset[int]
) -> Outcome:
    """Start the server and ask it until it has answered; then it is ended again.

    Raises `ServerError` when it ends, or does not answer, or answers something else.
    """
    port = free_port()
    begin = Reading.take(0, [])
    with spawned(contestant.command(port), {**contestant.environment(), **variables}, cpus) as (
        process,
        server,
    ):
        body = _first_answer(process, server, port)
        seconds = time.perf_counter() - begin.clock
        if body != load.expected.encode():
            raise ServerError(f"unexpected answer: {body[:300]!r}")
        pids = family(server.pid)
        figures = {"first answer ms": seconds * 1000, "memory MiB": sum(map(resident, pids)) / 2**20}
        return begin.until(Reading.take(1, pids), (), figures)


def _first_answer(process: Popen[bytes], server: Server, port: int) -> bytes:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(ConnectionRefusedError),
            socket.create_connection(("127.0.0.1", port)) as peer,
        ):
            peer.settimeout(START_TIMEOUT)
            return _ask(peer)
        time.sleep(_STEP)
    raise ServerError(f"did not start: {server.last_line()}")


def _ask(peer: socket.socket) -> bytes:
    peer.sendall(GET)
    data = b""
    while (answer := parse_answer(data)) is None:
        part = peer.recv(65536)
        if not part:
            raise ServerError("connection closed by the server")
        data += part
    return answer.body
