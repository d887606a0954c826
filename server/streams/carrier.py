"""A stream and the connection that carries it: what each of them needs of the other."""

import asyncio
from typing import Protocol

from hybrid.server.wire.http2.priority import Priority
from hybrid.server.wire.http2.session import Session
from hybrid.server.wire.http2.stream import Stream


class Carried(asyncio.Transport):
    """A transport on a connection that carries others too.

    Attributes:
        stream: what the wire knows of it.
        priority: which of the waiting responses goes first.
    """

    __slots__ = ("priority", "stream")

    stream: Stream
    priority: Priority

    @property
    def waits(self) -> bool:
        """Whether there is something to send that needs room in the windows."""
        raise NotImplementedError

    @property
    def progress(self) -> tuple[int, ...] | None:
        """What changes when the client takes something; None where it is not to blame: nothing waits, or it
        waits for its turn.
        """
        raise NotImplementedError

    @property
    def withheld(self) -> bool:
        """Whether the client may have to wait until other streams have been read."""
        raise NotImplementedError

    @property
    def arriving(self) -> int:
        """Bytes of a DATA frame that is not complete."""
        raise NotImplementedError

    def send_part(self) -> bool:
        """Send what a frame takes, if the windows allow; whether more waits that the stream's window allows.

        Raises:
            ConnectionFault: the client has us send its response in crumbs.
        """
        raise NotImplementedError


class Carrier(Protocol):
    """What a stream needs of the handler of its connection.

    Attributes:
        backlog: bytes of bodies that wait on all streams together; each adds its own, and takes them away.
    """

    backlog: int

    @property
    def session(self) -> Session:
        """The wire."""
        ...

    @property
    def left(self) -> bool:
        """Whether the client is known to have left, or is being left."""
        ...

    @property
    def free(self) -> bool:
        """Whether a stream may send at once."""
        ...

    def schedule(self, stream: Carried) -> None:
        """Send, in its turn, what the stream has."""
        ...

    def flush_soon(self) -> None:
        """Send what the session has put out in this turn of the loop."""
        ...

    def prioritize(self, stream: Carried, field: bytes) -> None:
        """Let a ``Priority`` field change whose turn it is."""
        ...

    def ended(self, stream: Carried) -> None:
        """Nothing more happens on the stream."""
        ...
