"""The page that asks other systems how they are: an `async def` view, as it does little but wait."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from demo_django.desk.models import Ticket

#: Seconds that a system has for its answer.
PATIENCE = 1.0


@dataclass(frozen=True)
class Answer:
    """What a system has said of itself."""

    name: str
    seconds: float
    said: str = ""

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round(self.seconds * 1000)


# These play the part of slow systems. In a real project they would be requests with httpx.AsyncClient.


async def mail() -> str:
    """Ask the mail server."""
    await asyncio.sleep(0.4)
    return "nothing in the queue"


async def telephone() -> str:
    """Ask the telephone system."""
    await asyncio.sleep(0.6)
    return "3 callers wait"


async def warehouse() -> str:
    """Ask the warehouse, which takes its time."""
    await asyncio.sleep(30)
    return "never said"


SYSTEMS = (mail, telephone, warehouse)


async def ask(system: object) -> Answer:
    """Ask one system; what does not answer is an answer too."""
    began = perf_counter()
    said = ""
    try:
        async with asyncio.timeout(PATIENCE):
            said = await system()  # type: ignore[operator]
    except (TimeoutError, OSError):
        pass
    return Answer(system.__name__, perf_counter() - began, said)  # type: ignore[attr-defined]


@require_safe
@login_required
async def systems(request: HttpRequest) -> HttpResponse:
    """Show how the desk and the systems around it are."""
    request.user = await request.auser()  # templates cannot wait for it
    began = perf_counter()
    *answers, counts = await asyncio.gather(
        *map(ask, SYSTEMS),
        Ticket.objects.aaggregate(
            open=Count("pk", Q(status="open")),
            waiting=Count("pk", Q(status="waiting")),
            solved=Count("pk", Q(status="solved")),
            urgent=Count("pk", Q(status="open", priority=Ticket.Priority.URGENT)),
        ),
    )
    context = {
        "answers": answers,
        "counts": counts,
        "took": Answer("", perf_counter() - began).milliseconds,
        "in_turn": sum(each.milliseconds for each in answers),
    }
    return render(request, "desk/systems.html", context)
