"""Asking and telling a running server from outside: what an application offers, and who is asked.

The server has the way there, a socket of its own; which commands there are, and what they do, an application
says. One server may be several processes: a :class:`Fleet` is how one of them sees all.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hybrid.bridge.errors import HybridError

#: Takes the arguments of a command and returns its answer; both are what JSON can say. Called on the loop.
Command = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class ControlError(HybridError):
    """A running server cannot do what it was asked; the message says why."""


class Answers(list[Mapping[str, Any]]):
    """What the processes of a server have answered.

    Attributes:
        missing: the ids of those that gave no answer.
    """

    def __init__(self, answers: Iterable[Mapping[str, Any]] = (), missing: Iterable[int] = ()) -> None:
        super().__init__(answers)
        self.missing = list(missing)


class Fleet(Protocol):
    """The processes of one server, as one of them sees them. Used on its loop.

    Attributes:
        directory: where the files are that all of them share; it goes with the server.
    """

    directory: Path

    @property
    def leads(self) -> bool:
        """Whether this process is the one that does what is to be done once for all of them. When it ends,
        another one is.
        """
        ...

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> Answers:
        """Have each process, this one too, do what a command says, and return the answers of those that gave
        one in time. One that fails, or that does not answer, is missing, and named in the log.
        """
        ...


@runtime_checkable
class Controllable(Protocol):
    """An application that can be asked and told things while it is served."""

    def commands(self) -> Mapping[str, Command]:
        """Return its commands by name, such as ``lanes.show``. One that raises
        :class:`ControlError` tells whoever has asked what was wrong.
        """
        ...

    async def join(self, fleet: Fleet) -> None:
        """Take part in a server, before the first command; files may be read."""
        ...

    async def leave(self) -> None:
        """Take no part in it any more, and end what :meth:`join` has started."""
        ...
