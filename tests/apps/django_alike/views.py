"""Views of each kind; those in coroutines begin with ``async_``."""

import asyncio
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import (  # type: ignore[import-untyped]
    BadRequest,
    PermissionDenied,
    SuspiciousOperation,
)
from django.db.transaction import non_atomic_requests  # type: ignore[import-untyped]
from django.http import (  # type: ignore[import-untyped]
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.utils.translation import gettext  # type: ignore[import-untyped]
from django.views import View  # type: ignore[import-untyped]
from django.views.decorators.csrf import csrf_exempt  # type: ignore[import-untyped]
from django.views.decorators.http import condition  # type: ignore[import-untyped]

from tests.apps.django_alike.echo import echo
from tests.apps.django_alike.journal import note
from tests.apps.django_alike.middleware import keep, kept

_ERRORS: dict[str, Exception] = {
    "ValueError": ValueError("in a view"),
    "Http404": Http404("not here"),
    "PermissionDenied": PermissionDenied("no"),
    "SuspiciousOperation": SuspiciousOperation("no"),
    "BadRequest": BadRequest("no"),
}


def _coroutine(view: Any) -> Any:
    """Make a view in a coroutine of one that needs no database."""

    async def asynchronous(request: HttpRequest) -> HttpResponse:
        return view(request)

    return non_atomic_requests(csrf_exempt(asynchronous))


def _raises(request: HttpRequest) -> HttpResponse:
    raise _ERRORS[request.GET["error"]]


def _quiet(request: HttpRequest) -> HttpResponse:
    return HttpResponse("quiet")


def _pieces(request: HttpRequest) -> HttpResponse:
    pieces = [request.read(3), request.readline(), request.read()]
    return HttpResponse(b" | ".join(pieces), content_type="text/plain")


def _status(request: HttpRequest) -> HttpResponse:
    status = int(request.GET["status"])
    body = b"" if status in (204, 304) else b"body"
    return HttpResponse(body, status=status, reason=request.GET.get("reason"))


def _redirect(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/echo/\u00e9?a=b c")


def _fields(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("fields", headers={"X-Latin": "\u00e9", "X-Greek": "\u03b1", "x-lower": "a"})
    response.set_cookie("a", "1", max_age=60, path="/x", samesite="Lax")
    response.set_cookie("b", "two words; and more", httponly=True, secure=True)
    response.delete_cookie("c")
    return response


def _environ(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.environ["PATH_INFO"])


def _context(request: HttpRequest) -> JsonResponse:
    return JsonResponse(kept())


def _keep(request: HttpRequest) -> HttpResponse:
    keep("kept by a view")
    return HttpResponse("kept")


def _none(request: HttpRequest) -> None:
    return None


def _language(request: HttpRequest) -> HttpResponse:
    return HttpResponse(gettext("Monday"))


def _condition(request: HttpRequest) -> HttpResponse:
    return HttpResponse("whole")


#: Views that are the same on both sides, by name.
BOTH: dict[str, tuple[Any, Any]] = {
    name: (csrf_exempt(view), _coroutine(view))
    for name, view in {
        "echo": echo,
        "raises": _raises,
        "quiet": _quiet,
        "pieces": _pieces,
        "status": _status,
        "redirect": _redirect,
        "fields": _fields,
        "environ": _environ,
        "context": _context,
        "keep": _keep,
        "none": _none,
        "language": _language,
    }.items()
}

conditional = condition(etag_func=lambda _: '"one"')(_condition)


class SyncView(View):  # type: ignore[misc]
    """A class with functions."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse("got")


class AsyncView(View):  # type: ignore[misc]
    """A class with coroutine functions."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse("got")


class Mixed(View):  # type: ignore[misc]
    """A class with both, which Django refuses."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse("got")

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse("posted")


def mixed(request: HttpRequest) -> HttpResponse:
    """Use the class."""
    return Mixed.as_view()(request)


# Crossing over.


async def _slow_backend() -> str:
    await asyncio.sleep(0)
    return "fetched"


def crossing(request: HttpRequest) -> HttpResponse:
    """Call a coroutine function from a function."""
    return HttpResponse(async_to_sync(_slow_backend)())


def own_loop(request: HttpRequest) -> HttpResponse:
    """Run a loop of its own."""
    return HttpResponse(asyncio.run(_slow_backend()))


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_crossing(request: HttpRequest) -> HttpResponse:
    """Call a function from a coroutine, where what a middleware keeps is found."""
    return JsonResponse(await sync_to_async(kept)())


_background: set[asyncio.Task[None]] = set()


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_background(request: HttpRequest) -> HttpResponse:
    """Begin something that is to go on after the response."""

    async def work() -> None:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            note("task cancelled")
            raise
        note("task done")

    task = asyncio.create_task(work())
    _background.add(task)
    task.add_done_callback(_background.discard)
    return HttpResponse("begun")
