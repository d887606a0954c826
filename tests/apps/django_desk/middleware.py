"""Middleware that makes it hard to know what a path leads to."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.contrib.auth.middleware import RemoteUserMiddleware  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]

Respond = Callable[[HttpRequest], Any]

#: The URLconf of another site.
other = ModuleType("other_urls")
other.urlpatterns = [path("async", lambda _: HttpResponse("the other site"))]  # type: ignore[attr-defined]


def other_urlconf(get_response: Respond) -> Respond:
    """Have another URLconf for another site."""

    def middleware(request: HttpRequest) -> Any:
        if request.headers.get("X-Site"):
            request.urlconf = other
        return get_response(request)

    return middleware


def hidden_urlconf(get_response: Respond) -> Respond:
    """Do the same where no look at the code shows it."""

    def middleware(request: HttpRequest) -> Any:
        if request.headers.get("X-Site"):
            vars(request).update(urlconf=other)
        return get_response(request)

    return middleware


class ChangesArguments(MiddlewareMixin):  # type: ignore[misc]
    """Adds to the arguments of a view how many there were, and takes that away for the call."""

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: dict[str, Any]
    ) -> HttpResponse:
        """Answer with what is found in the match after the change."""
        kwargs["found"] = len(kwargs)
        from django.http import JsonResponse

        return JsonResponse({"kwargs": request.resolver_match.kwargs})


class OwnRemoteUser(RemoteUserMiddleware):  # type: ignore[misc]
    """Believes a field of its own."""

    header = "HTTP_X_OWN_USER"
