"""Routes that use the database as much as they can, in each way there is; how often it is connected to."""

import asyncio
import atexit
import os
import threading
import weakref
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import User  # type: ignore[import-untyped]
from django.db import transaction  # type: ignore[import-untyped]
from django.db.backends.signals import connection_created  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse, JsonResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]
from django.utils.decorators import sync_and_async_middleware  # type: ignore[import-untyped]
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]

from tests.apps.django_desk import views

_connections: list[weakref.ref[Any]] = []


def _connected(connection: Any, **kwargs: Any) -> None:
    _connections.append(weakref.ref(connection))


connection_created.connect(_connected)


def _left_open() -> None:
    """Write down, when the process ends, how many connections nobody has closed."""
    alive = {id(each): each for ref in _connections if (each := ref()) is not None}
    count = sum(each.connection is not None for each in alive.values())
    Path(os.environ["DESK_LEFT_OPEN"]).write_text(str(count), encoding="ascii")


if "DESK_LEFT_OPEN" in os.environ:
    atexit.register(_left_open)


def _count() -> int:
    return int(User.objects.count())


def _seconds(request: HttpRequest) -> float:
    return float(request.GET.get("seconds", 0.005))


def use(request: HttpRequest) -> HttpResponse:
    """Use the database before and after something that takes a while."""
    _count()
    threading.Event().wait(_seconds(request))
    return HttpResponse(str(_count()))


async def async_use(request: HttpRequest) -> HttpResponse:
    """Do the same in a coroutine, with the ORM's own methods for it."""
    await User.objects.acount()
    await asyncio.sleep(_seconds(request))
    return HttpResponse(str(await User.objects.acount()))


def fail(request: HttpRequest) -> HttpResponse:
    """Fail within a transaction."""
    with transaction.atomic():
        _count()
        raise ValueError("in a transaction")


async def async_fail(request: HttpRequest) -> HttpResponse:
    """Fail after a question."""
    await User.objects.acount()
    raise ValueError("after a question")


def connects(request: HttpRequest) -> JsonResponse:
    """Tell how often there was a new connection."""
    return JsonResponse({"connects": len(_connections)})


urlpatterns = [
    path("use", use),
    path("async/use", async_use),
    path("fail", fail),
    path("async/fail", async_fail),
    path("connects", connects),
    path("signals", views.signals_seen),
]


class Asks(MiddlewareMixin):  # type: ignore[misc]
    """Middleware that asks the database on the way in and out."""

    def process_request(self, request: HttpRequest) -> None:
        """Go in."""
        _count()

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Come out."""
        _count()
        return response


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def asks_too(get_response: Any) -> Any:
    """Be middleware that asks in a coroutine, where it is one."""
    if not iscoroutinefunction(get_response):
        return lambda request: [_count(), get_response(request)][1]

    async def middleware(request: HttpRequest) -> Any:
        await User.objects.acount()
        return await get_response(request)

    return middleware
