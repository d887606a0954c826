"""Middleware of every kind, none of which does anything."""

from collections.abc import Callable
from typing import Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed  # type: ignore[import-untyped]
from django.http import HttpRequest  # type: ignore[import-untyped]
from django.utils.decorators import (  # type: ignore[import-untyped]
    async_only_middleware,
    sync_and_async_middleware,
    sync_only_middleware,
)
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]

Respond = Callable[[HttpRequest], Any]


class Both(MiddlewareMixin):  # type: ignore[misc]
    """Looks at requests and responses."""

    def process_request(self, request: HttpRequest) -> None:
        """Do nothing."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Change nothing."""
        response["X-Seen"] = "both"
        return response


class Request(MiddlewareMixin):  # type: ignore[misc]
    """Looks at requests."""

    def process_request(self, request: HttpRequest) -> None:
        """Do nothing."""


class Response(MiddlewareMixin):  # type: ignore[misc]
    """Looks at responses."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Change nothing."""
        response["X-Seen"] = "response"
        return response


class Hooks(MiddlewareMixin):  # type: ignore[misc]
    """Has the hooks that Django calls around the view."""

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        """Do nothing."""

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        """Change nothing."""
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Do nothing."""


class AsyncHook(MiddlewareMixin):  # type: ignore[misc]
    """Has an asynchronous hook."""

    async def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        """Do nothing."""


class CallsSuper(Both):
    """Has a call of its own, which leaves all to its base."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        return super().__call__(request)


class PassesOn(Both):
    """Has a call of its own, which looks at no response: so it works."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        return self.get_response(request)


class TouchesResponse(Both):
    """Has a call of its own, which takes a coroutine for a response on ASGI."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        response = self.get_response(request)
        response["X-Seen"] = "touched"
        return response


class TouchesOfSuper(Both):
    """The same, with the response of its base."""

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        response = super().__call__(request)
        response["X-Seen"] = "touched"
        return response


class NoInit(MiddlewareMixin):  # type: ignore[misc]
    """Does not call what makes it asynchronous."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.async_mode = False

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Change nothing."""
        response["X-Seen"] = "no init"
        return response


class SyncClass:
    """Is synchronous, and says nothing."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        response = self.get_response(request)
        response["X-Seen"] = "sync"
        return response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        """Do nothing."""


class AsyncClass:
    """Is asynchronous, and nothing else."""

    sync_capable: ClassVar[bool] = False
    async_capable: ClassVar[bool] = True

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        response = await self.get_response(request)
        response["X-Seen"] = "async"
        return response


class DualClass:
    """Is either."""

    sync_capable: ClassVar[bool] = True
    async_capable: ClassVar[bool] = True

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Go on."""
        return self.__acall__(request) if self.is_async else self.get_response(request)

    async def __acall__(self, request: HttpRequest) -> Any:
        """Go on."""
        return await self.get_response(request)


class NotUsed(Both):
    """Is not used."""

    def __init__(self, get_response: Respond) -> None:
        raise MiddlewareNotUsed("for the tests")


@sync_only_middleware  # type: ignore[untyped-decorator]
def sync_function(get_response: Respond) -> Respond:
    """Be synchronous."""

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def dual_function(get_response: Respond) -> Respond:
    """Be either."""
    if iscoroutinefunction(get_response):

        async def on_loop(request: HttpRequest) -> Any:
            return await get_response(request)

        return on_loop

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware


@async_only_middleware  # type: ignore[untyped-decorator]
def async_function(get_response: Respond) -> Respond:
    """Be asynchronous."""

    async def on_loop(request: HttpRequest) -> Any:
        return await get_response(request)

    return on_loop


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def says_async(get_response: Respond) -> Respond:
    """Say what is not true."""

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware
