"""Middleware that leaves a trail, answers in the view's place, and fails, as a request asks it to."""

from collections.abc import Callable
from typing import Any, ClassVar

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.utils.decorators import sync_and_async_middleware  # type: ignore[import-untyped]
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]


def _step(request: HttpRequest, step: str) -> None:
    request.META.setdefault("trail", []).append(step)
    if request.headers.get("X-Fail") == step:
        raise PermissionDenied(step)


def _seen(request: HttpRequest, response: Any) -> Any:
    response["X-Trail"] = " ".join(request.META["trail"])
    return response


class Outer(MiddlewareMixin):  # type: ignore[misc]
    """The outermost."""

    name: ClassVar[str] = "outer"

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Go in."""
        _step(request, f"{self.name}>")
        return HttpResponse("answered") if request.headers.get("X-Answer") == self.name else None

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Come out."""
        _step(request, f"{self.name}<")
        return _seen(request, response)


class Inner(Outer):
    """One within."""

    name = "inner"


class Innermost(Outer):
    """One more."""

    name = "innermost"


class OnlyIn(MiddlewareMixin):  # type: ignore[misc]
    """One that has nothing to do with responses."""

    def process_request(self, request: HttpRequest) -> None:
        """Go in."""
        _step(request, "only>")


class OnlyOut(MiddlewareMixin):  # type: ignore[misc]
    """One that has nothing to do with requests."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Come out."""
        _step(request, "only<")
        return _seen(request, response)


class OwnCall(MiddlewareMixin):  # type: ignore[misc]
    """One that the mixin does not call: it does not go with others."""

    async def __acall__(self, request: HttpRequest) -> Any:
        """Go in and come out by itself."""
        _step(request, "own>")
        response = await self.get_response(request)
        _step(request, "own<")
        return _seen(request, response)

    def __call__(self, request: HttpRequest) -> Any:
        """Do the same, or the other."""
        if self.async_mode:
            return self.__acall__(request)
        _step(request, "own>")
        response = self.get_response(request)
        _step(request, "own<")
        return _seen(request, response)


class SyncCall(MiddlewareMixin):  # type: ignore[misc]
    """One that says it can be asynchronous, and cannot."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go in and come out by itself."""
        _step(request, "sync>")
        response = self.get_response(request)
        _step(request, "sync<")
        return _seen(request, response)


class NoSuper(Outer):
    """One that does not become asynchronous, as it leaves out what would make it so."""

    name = "no-super"

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.async_mode = False


class PassesOn(MiddlewareMixin):  # type: ignore[misc]
    """One whose own call is good for both."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go in, and leave it to others to come out."""
        _step(request, "passes")
        return self.get_response(request)


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def function(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Be middleware that is a function."""
    if not iscoroutinefunction(get_response):

        def middleware(request: HttpRequest) -> Any:
            _step(request, "function")
            return get_response(request)

        return middleware

    async def async_middleware(request: HttpRequest) -> Any:
        _step(request, "function")
        return await get_response(request)

    return async_middleware
