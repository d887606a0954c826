"""Applications that serve some of their requests on threads and others on the event loop.

The bridge knows how to run each kind; which request is whose, an application of this kind decides.
"""

from collections.abc import Callable
from wsgiref.types import WSGIApplication

from hybrid.bridge.types import ASGIApp, Resolver, Scope


class Lanes(Resolver):
    """Chooses for each HTTP request of a :class:`TwoLanes` where it is served. A lifespan is the
    application's own.

    Attributes:
        parts: what requests end at: on the threads, and on the loop.
        runs_on: what the route table says of where it runs.
    """

    parts: tuple[ASGIApp, ASGIApp]
    runs_on: str


class TwoLanes:
    """An application of which each request is served either on the thread pool or on the event loop.

    Attributes:
        wsgi: what serves those on threads.
        sockets: what serves its WebSockets; None when it has none, and they are refused.
        sockets_name: what messages and the route table call that.
    """

    wsgi: WSGIApplication
    sockets: ASGIApp | None
    sockets_name: str

    def lanes(self, threaded: ASGIApp, threads: int, stuck: int) -> Lanes:
        """Return what chooses.

        Args:
            threaded: :attr:`wsgi`, on a thread pool.
            threads: how many there are in it.
            stuck: how many there may be beside them that were given up and still run.
        """
        raise NotImplementedError

    def surround(
        self, on_threads: Callable[[WSGIApplication], WSGIApplication], on_loop: Callable[[ASGIApp], ASGIApp]
    ) -> None:
        """Put something around what serves requests on threads, and around what does so on the loop, that for
        WebSockets too; before :meth:`lanes`.
        """
        raise NotImplementedError

    def leave_thread(self) -> None:
        """Close what is kept for a thread of the pool, which is about to end (worker)."""

    def refused(self, scope: Scope) -> None:
        """A request for the threads is answered in the application's place: none was free for it in time, or
        its own is stuck (loop).
        """
