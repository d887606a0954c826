"""What was seen of one check."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.wsgi_matrix.reply import Reply


@dataclass(frozen=True)
class Seen:
    """What one check showed.

    Attributes:
        reply: to the request, or to the last of them.
        replies: to all of them, where there were several.
        notes: what the application noted.
        output: what the server wrote.
        in_time: whether the client had the first part while the application held back the second.
        body_size: bytes of a body that was too large to keep.
        grown: bytes by which the peak memory of the server grew; None where nobody knows.
        alive: whether the server answers afterwards.
        port: what the server listened on.
    """

    reply: Reply
    replies: tuple[Reply, ...] = ()
    notes: tuple[str, ...] = ()
    output: str = ""
    in_time: bool = True
    body_size: int = 0
    grown: int | None = 0
    alive: bool = True
    port: int = 0

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.reply.body)
        except ValueError:
            return None


#: Says what was seen instead, or nothing when all is as it should be.
Fact = Callable[[Seen], str]
