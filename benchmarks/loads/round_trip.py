"""Bodies that come back while they are still being sent: for how many bytes a second go through a server."""

import selectors
import socket
import time

from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.cpu import family
from benchmarks.loads.clients import AnswerError
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, Plan, RoundTrip
from benchmarks.loads.transfer import BUFFER, DISCARD, read_head

_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class Trip:
    """One connection, with one request under way.

    The first body is compared; of the others the bytes are counted, and thrown away as cheaply as can be.
    """

    def __init__(self, port: int, size: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setblocking(False)
        body = (CHUNK * (size // len(CHUNK) + 1))[:size]
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
        self._request = memoryview(head + body)
        self._buffer = memoryview(bytearray(BUFFER))
        self._expected = body
        self._first: bytearray | None = bytearray()
        self._size = size
        self._begin()

    def _begin(self) -> None:
        self._unsent = self._request
        self._head = b""
        self._left = -1  # bytes of the body to come; not known before the head is whole

    @property
    def interest(self) -> int:
        """What to wait for."""
        return _BOTH if self._unsent else selectors.EVENT_READ

    def write(self) -> None:
        """Send as much as the socket takes."""
        self._unsent = self._unsent[self.socket.send(self._unsent) :]

    def read(self) -> bool:
        """Take what is there; whether a body is complete, in which case the next request begins."""
        if self._left < 0:
            self._read_head()
        elif self._first is not None:
            self._keep(self._received(self.socket.recv(min(BUFFER, self._left))))
        else:
            received = self.socket.recv_into(self._buffer, min(BUFFER, self._left), DISCARD)
            if not received:
                raise AnswerError("connection closed by the server")
            self._left -= received
        if self._left:
            return False
        if self._first is not None and self._first != self._expected:
            raise AnswerError("the bytes that came are not those that were sent")
        if self._unsent:
            raise AnswerError("answered before the request was complete")
        self._first = None
        self._begin()
        return True

    def _read_head(self) -> None:
        self._head += self._received(self.socket.recv(4096))
        if b"\r\n\r\n" not in self._head:
            return
        length, body = read_head(self._head)
        if length != self._size or len(body) > length:
            raise AnswerError(f"{length} bytes announced instead of {self._size}")
        self._left = length
        self._keep(body)

    def _keep(self, data: bytes) -> None:
        self._left -= len(data)
        if self._first is not None:
            self._first += data

    def _received(self, data: bytes) -> bytes:
        if not data:
            raise AnswerError("connection closed by the server")
        return data


class Trips:
    """All connections, and how many bodies have come back."""

    def __init__(self, port: int, load: RoundTrip) -> None:
        self.done = 0
        self._selector = selectors.DefaultSelector()
        for _ in range(load.connections):
            trip = Trip(port, load.size)
            self._selector.register(trip.socket, trip.interest, trip)

    def run_until(self, deadline: float) -> None:
        """Send and receive up to this time of the monotonic clock."""
        while (now := time.monotonic()) < deadline:
            ready = self._selector.select(min(PATIENCE, deadline - now))
            for key, events in ready:
                trip: Trip = key.data
                before = trip.interest
                if events & selectors.EVENT_WRITE:
                    trip.write()
                if events & selectors.EVENT_READ:
                    self.done += trip.read()
                if trip.interest != before:
                    self._selector.modify(trip.socket, trip.interest, trip)

    def close(self) -> None:
        """Drop the connections."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def measure(plan: Plan, load: RoundTrip) -> Outcome:
    """Keep every connection busy as planned; errors are in the outcome."""
    try:
        trips = Trips(plan.port, load)
        try:
            return _measure(trips, plan, load)
        finally:
            trips.close()
    except (AnswerError, OSError) as error:
        return failed(str(error))


def _measure(trips: Trips, plan: Plan, load: RoundTrip) -> Outcome:
    trips.run_until(time.monotonic() + plan.warm_up)
    pids = family(plan.pid)
    start = Reading.take(trips.done, pids)
    trips.run_until(time.monotonic() + plan.seconds)
    end = Reading.take(trips.done, pids)
    return start.until(end, [], {"bytes": (end.answers - start.answers) * load.size})
