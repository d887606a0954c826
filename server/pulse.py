"""Tells somebody, again and again, that the event loop still turns."""

import asyncio
import logging

from hybrid.server.config.processes import Notify

logger = logging.getLogger("hybrid.server")


def start_pulse(notify: Notify, seconds: float) -> asyncio.Task[None]:
    """Call a function at once and every ``seconds`` on the running loop, until the task is cancelled.

    A supervisor that hears nothing knows that the loop is stuck: whatever else still runs, nothing is served.
    """
    return asyncio.create_task(_beat(notify, seconds))


async def _beat(notify: Notify, seconds: float) -> None:
    while True:
        try:
            told = notify()
            if told is not None:
                await told
        except Exception:
            logger.exception("callback_notify failed")
        await asyncio.sleep(seconds)
