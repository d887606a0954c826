"""Where the figures of a process are."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hybrid.bridge.wsgi.socket_threads import SocketThreads as Threads
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.context import ServerContext
from hybrid.server.listening.accepting import Entrance
from hybrid.server.ops.metrics.lag import LoopSight

if TYPE_CHECKING:  # loaded when somebody asks
    from hybrid.server.ops.metrics.snapshot import Workers


class Sources(NamedTuple):
    """Where the figures of a process are.

    Attributes:
        context: what its connections share.
        pools, sockets: the threads of its applications.
        entrance: where clients come in.
        sight: what looks at its loop.
        ready: says whether it takes new requests.
        urls: says where it listens.
        workers: says what is known of worker processes.
        since: when it was started, in seconds since 1970.
    """

    context: ServerContext
    pools: Mapping[str, ThreadPool]
    sockets: Threads | None
    entrance: Entrance
    sight: LoopSight
    ready: Callable[[], bool]
    urls: Callable[[], Sequence[str]]
    workers: Callable[[], "Workers | None"]
    since: float
