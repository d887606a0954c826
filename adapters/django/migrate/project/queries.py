"""What the database is asked while a project is imported: nothing, that is, if all is well."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from hybrid.adapters.django.lanes.parts import connections
from hybrid.adapters.django.migrate.project.origins import Origins

_MOST: Final = 100
_LENGTH: Final = 1000


class Queries:
    """Notes SQL with the place in the project that it comes from.

    Attributes:
        seen: what the facts say, at most the first hundred.
    """

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self.seen: list[str] = []

    def watch(self) -> None:
        """Look at all connections that are made from now on, on any thread."""
        create: Callable[[str], Any] = connections.create_connection

        def create_connection(alias: str) -> Any:
            connection = create(alias)
            connection.execute_wrappers.append(self._note)
            return connection

        connections.create_connection = create_connection

    def _note(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if len(self.seen) < _MOST:
            self.seen.append(f"{' '.join(str(sql).split())[:_LENGTH]}{self._place()}")
        return execute(sql, params, many, context)

    def _place(self) -> str:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        while frame is not None:
            if self._origins.is_own_file(frame.f_code.co_filename):
                return f" -- {frame.f_code.co_filename}:{frame.f_lineno}"
            frame = frame.f_back
        return ""
