"""Starts a server by any command line: another Python's, an image's."""

from collections.abc import Mapping, Sequence

from tests.support.process import ServerProcess


class Program(ServerProcess):
    """A process that serves; its targets are the whole of its command line."""

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:  # noqa: ARG004 - a whole command line has them
        """Give the command line."""
        return list(targets)
