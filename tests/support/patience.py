"""Lets communicators wait as long as tests wait for anything else.

The second that they have by default is for applications; a busy machine may need more than that for itself.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.process import DEADLINE

#: Seconds that communicators wait by default, here and in Channels.
_DEFAULT = 1


def be_patient(communicator: type[Any]) -> None:
    """Have a kind of communicators, and those made from it, wait until the deadline where nothing is said."""
    for name in ("receive_output", "wait"):
        setattr(communicator, name, _patient(getattr(communicator, name)))


def _patient(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def waits(self: Any, timeout: float = _DEFAULT) -> Any:  # noqa: ASYNC109 - as it is
        return await method(self, DEADLINE if timeout == _DEFAULT else timeout)

    return waits
