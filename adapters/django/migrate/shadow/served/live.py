"""Live shadowing: a sample of a running server's requests is tried again on both lanes, and compared.

One process of a server does that, the one that leads, with a process of its own below it. Another one begins
anew when it ends.
"""

import asyncio
import logging
import os
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.lanes.choice import counted_as
from hybrid.adapters.django.lanes.parts import settings
from hybrid.adapters.django.migrate.shadow.elsewhere import Settings
from hybrid.adapters.django.migrate.shadow.report import as_json
from hybrid.adapters.django.migrate.shadow.report_text import render_text
from hybrid.adapters.django.migrate.shadow.sampling import Sample
from hybrid.adapters.django.migrate.shadow.served.sights import Asked, is_safe
from hybrid.adapters.django.migrate.shadow.served.trying import ServedRequest, SharedResults, Trying
from hybrid.bridge.control import ControlError, Fleet
from hybrid.bridge.taps import Watchable
from hybrid.bridge.types import Scope

logger = logging.getLogger("hybrid.django")

#: How much others go before the process that tries: all.
_NICE: Final = 19
#: Seconds between looks whether this process leads.
_FOLLOW: Final = 2.0
_END_SECONDS: Final = 2.0


class Offered:
    """A request that is offered to a sample at its end: a :class:`~hybrid.bridge.taps.Sight`."""

    __slots__ = ("_asked", "_sample", "_view")

    def __init__(self, scope: Scope, sample: Sample) -> None:
        self._asked = Asked(scope)
        self._view = counted_as(scope)
        self._sample: Sample | None = sample

    def __repr__(self) -> str:
        return f"<Offered {self._asked!r}>"

    def head(self, status: int, headers: object) -> None:
        """Nothing of the answer is of use."""

    def part(self, data: bytes) -> None:
        """As the head."""

    def file(self, count: int) -> None:
        """As the head."""

    def end(self, *, complete: bool) -> None:
        """Offer it."""
        sample, self._sample = self._sample, None
        if sample is not None:
            sample.offer(self._request())

    def _request(self) -> ServedRequest:
        request = self._asked.request(below_root=True)
        shown = self._asked.request(below_root=True, with_secrets=False).target
        return ServedRequest(
            request.method, request.target, request.headers, b"", request.view or self._view, shown
        )


class Shadow:
    """What one process does while it leads (loop).

    Args:
        watched: whose requests.
        percent: how many of a hundred.
        chance: gives a number from 0 to below 1 for each request.
    """

    def __init__(
        self, watched: Watchable, percent: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._watched = watched
        self._percent = percent
        self._chance = chance
        self.results = SharedResults("wsgi", "asgi", "http://127.0.0.1:8000")
        project = Settings(settings.SETTINGS_MODULE, directory=str(Path.cwd()), nice=_NICE)
        self._trying = Trying(project, self.results)
        self._sample = Sample(self._trying, 100)
        self._has_base = False
        watched.watch(self.look)

    def __repr__(self) -> str:
        return f"<Shadow {self._percent:g} % {self._sample!r}>"

    def look(self, scope: Scope) -> Offered | None:
        """Choose a request, or not."""
        if self._chance() * 100 >= self._percent or not is_safe(scope):
            return None
        if not self._has_base and (server := scope.get("server")) is not None and server[1]:
            self._has_base = True
            self.results.base = f"{scope['scheme']}://{server[0]}:{server[1]}"
        if self._sample.is_full:
            self._sample.drop()
            return None
        return Offered(scope, self._sample)

    def state(self) -> dict[str, Any]:
        """Say how it stands. Any thread."""
        counts = self._sample.counts
        return {
            "pid": os.getpid(),
            "percent": self._percent,
            "chosen": counts.chosen,
            "dropped": counts.dropped + self._trying.skipped,
            "failed": counts.failed,
            "process": self._trying.pid,
            "problem": self._trying.problem,
        }

    async def stop(self) -> None:
        """Choose no more, and end the process."""
        self._watched.unwatch(self.look)
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if not self._sample.close(0.0):
            self._trying.kill()
            self._sample.close(_END_SECONDS)
        self._trying.close()


class Live:
    """Shadows while this process leads (loop).

    Args:
        watched: whose requests.
        percent: how many of a hundred.
    """

    def __init__(self, watched: Watchable, percent: float) -> None:
        self._watched = watched
        self._percent = percent
        self._shadow: Shadow | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Live {self._shadow!r}>"

    def join(self, fleet: Fleet) -> None:
        """Take part in a server."""
        self._task = asyncio.get_running_loop().create_task(self._follow(fleet))

    async def leave(self) -> None:
        """Take no part in it any more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._end()

    async def _follow(self, fleet: Fleet) -> None:
        while True:
            if fleet.leads and self._shadow is None:
                try:
                    self._shadow = Shadow(self._watched, self._percent)
                except OSError as error:  # the working directory is gone, say
                    logger.error("no requests are tried again: %s", error)
                    return
                logger.info("%g %% of this process's safe requests are tried again", self._percent)
            elif not fleet.leads:
                await self._end()
            await asyncio.sleep(_FOLLOW)

    async def _end(self) -> None:
        shadow, self._shadow = self._shadow, None
        if shadow is not None:
            await shadow.stop()

    async def show(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what came of it, as text or for programs."""
        shadow = self._shadow
        if shadow is None:
            raise ControlError(
                "this process does not try requests again: another one does, or will in a moment"
            )
        return await asyncio.to_thread(_shown, shadow, arguments)


def _shown(shadow: Shadow, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write the report (worker)."""
    results = shadow.results
    with results.lock:
        report: Any
        if arguments.get("form") == "json":
            report = as_json(results)
        else:
            report = render_text(results, coloured=arguments.get("coloured") is True)
        sums = {"different": results.different, "unreachable": results.unreachable}
    return {"report": report, **sums, **shadow.state()}
