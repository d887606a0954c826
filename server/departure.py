"""Telling an application that gave up because its client has left from one that failed."""

import builtins
from typing import cast

from hybrid.bridge.errors import ClientDisconnected

#: How many errors behind an error are looked at.
_DEPTH = 16


def came_of_departure(error: BaseException | None, depth: int = _DEPTH) -> bool:
    """Whether an error is the one that ``send()`` raises when the client has left, or stands for it.

    "Servers must be prepared to catch this exception if they raised it" (ASGI HTTP specification 2.4), in
    whatever it comes: several tasks make a group of it, and frameworks an error of their own, raised from it
    or while they handle it. One of Python's own that is raised while it is handled, a ``NameError``, is a
    mistake in the handler.
    """
    if isinstance(error, ClientDisconnected):
        return True
    if error is None or not depth:
        return False
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(came_of_departure(each, depth - 1) for each in group.exceptions)
    if error.__cause__ is not None:
        return came_of_departure(error.__cause__, depth - 1)
    is_mistake = type(error).__module__ == builtins.__name__ and not error.__suppress_context__
    return not is_mistake and came_of_departure(error.__context__, depth - 1)
