"""From messages to the methods that handle them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from typing import Any

Message = Mapping[str, Any]


def get_handler_name(message: Message) -> str:
    """Return the name of the method for a message: its type, with ``_`` for ``.``.

    Raises:
        ValueError: there is no type, or it begins with ``.`` or ``_``: such methods are nobody's to call.
    """
    try:
        name: str = message["type"].replace(".", "_")
    except KeyError:
        raise ValueError("Incoming message has no 'type' attribute") from None
    if name.startswith("_"):
        raise ValueError(f"Malformed type in message (leading underscore): {message['type']!r}")
    return name


async def await_many_dispatch(
    consumer_callables: Sequence[Callable[[], Awaitable[Any]]], dispatch: Callable[[Any], Awaitable[object]]
) -> None:
    """Pass on what several callables return, one thing at a time, until one of them or ``dispatch`` raises.

    Each is called again when what it returned has been dispatched. It never returns: it raises what was
    raised, and the calls that still wait are cancelled.
    """
    turn = asyncio.Lock()
    context = copy_context()  # one for all, as if there were one task

    async def pump(consumer_callable: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                result = await consumer_callable()
            except Exception:
                async with turn:  # what is being dispatched comes to its end first
                    raise
            async with turn:
                await dispatch(result)

    tasks = [
        asyncio.create_task(pump(consumer_callable), context=context)
        for consumer_callable in consumer_callables
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
