"""Middleware as projects have it: synchronous, with variables of several kinds, failing where it is told."""

import threading
from contextvars import ContextVar
from typing import Any

from asgiref.local import Local
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]

#: Where projects keep what belongs to a request.
of_context: ContextVar[str] = ContextVar("of_context", default="none")
of_thread = threading.local()
of_asgiref = Local()


def keep(value: str) -> None:
    """Keep a value in each of them."""
    of_context.set(value)
    of_thread.value = value
    of_asgiref.value = value


def kept() -> dict[str, str]:
    """Return what is found in each of them."""
    return {
        "ContextVar": of_context.get(),
        "threading.local": getattr(of_thread, "value", "none"),
        "asgiref.local": getattr(of_asgiref, "value", "none"),
    }


def _fail(request: HttpRequest, step: str) -> None:
    if request.headers.get("X-Fail") == step:
        raise ValueError(step)


class Witness(MiddlewareMixin):  # type: ignore[misc]
    """Keeps a value for the view, and fails on the way in or out."""

    def process_request(self, request: HttpRequest) -> None:
        """Go in."""
        _fail(request, "request")
        if value := request.headers.get("X-Keep"):
            keep(value)

    def process_view(self, request: HttpRequest, *args: object) -> None:
        """See the view."""
        _fail(request, "view")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer in the place of a view that has failed."""
        return HttpResponse(f"handled {error!r}") if request.headers.get("X-Handle") else None

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Come out."""
        _fail(request, "response")
        return response


class OwnCall(MiddlewareMixin):  # type: ignore[misc]
    """Calls by itself, as much middleware does that was written for WSGI."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go in and come out."""
        response = self.get_response(request)
        if request.headers.get("X-Own-Call"):
            response["X-Own-Call"] = "seen"
        return response
