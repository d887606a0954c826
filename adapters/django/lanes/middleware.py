"""Synchronous middleware on the asgi lane: with one hop to a thread where Django makes one for each.

Django lets each ``process_request`` and ``process_response`` of an asynchronous chain run on the request's
thread by itself: with the middleware of ``startproject`` that is fifteen times there and back for a view that
never waits. What stands side by side in the chain, and has nothing asynchronous of its own, can go together.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from asgiref.sync import SyncToAsync, sync_to_async

from hybrid.adapters.django.lanes.parts import (
    CsrfViewMiddleware,
    MiddlewareMixin,
    convert_exception_to_response,
    is_coroutine_function,
    mark_coroutine_function,
    response_for_exception,
)

_Handler = Callable[[Any], Awaitable[Any]]
_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


def grouped(chain: _Handler) -> _Handler:
    """Return a chain of middleware, as Django's handler has loaded it, in which what can goes together."""
    layers: list[Any] = []
    below = chain
    layer: Any = getattr(below, "__wrapped__", None)
    while _goes_with_others(layer):
        layers.append(layer)
        below = layer.get_response
        layer = getattr(below, "__wrapped__", None)
    if isinstance(layer, MiddlewareMixin) and layer.async_mode is True:
        layer.get_response = grouped(layer.get_response)  # it does not go with others, but what is behind may
    if len(layers) < 2:
        return chain
    handler: _Handler = convert_exception_to_response(Group(layers, below))
    return handler


def _goes_with_others(layer: Any) -> bool:
    """Tell whether all that a middleware does is in functions that the mixin calls, in their order."""
    if not isinstance(layer, MiddlewareMixin):
        return False
    functions: Any = layer.__class__
    return (
        layer.async_mode is True
        and functions.__call__ is MiddlewareMixin.__call__
        and functions.__acall__ is MiddlewareMixin.__acall__
        and not is_coroutine_function(getattr(layer, "process_request", None))
        and not is_coroutine_function(getattr(layer, "process_response", None))
    )


class Group:
    """Middleware that stands side by side, the outermost first.

    Args:
        layers: the middleware.
        get_response: what stands within.
    """

    def __init__(self, layers: Sequence[Any], get_response: _Handler) -> None:
        self._layers = layers
        self._get_response = get_response
        mark_coroutine_function(self)

    def __repr__(self) -> str:
        return f"<Group {' '.join(type(layer).__name__ for layer in self._layers)}>"

    async def __call__(self, request: Any) -> Any:
        """Answer a request as the layers would by themselves."""
        response = await sync_to_async(self._enter, thread_sensitive=True)(request)
        if response is not None:
            return response
        response = await self._get_response(request)
        return await sync_to_async(self._leave, thread_sensitive=True)(request, response, len(self._layers))

    def _enter(self, request: Any) -> Any:
        """Go in as far as nobody answers; who does is left again through those before (worker)."""
        for depth, layer in enumerate(self._layers):
            process: Any = getattr(layer, "process_request", None)
            if process is None:
                continue
            try:
                response = process(request)
            except Exception as error:  # noqa: BLE001 - each layer makes a response of what it raises
                return self._leave(request, response_for_exception(request, error), depth)
            if response:
                return self._leave(request, response, depth + 1)
        return None

    def _leave(self, request: Any, response: Any, depth: int) -> Any:
        """Come out through so many layers, the innermost first (worker)."""
        for layer in reversed(self._layers[:depth]):
            process: Any = getattr(layer, "process_response", None)
            if process is None:
                continue
            try:
                response = process(request, response)
            except Exception as error:  # noqa: BLE001 - as above
                response = response_for_exception(request, error)
        return response


def view_middleware(methods: Sequence[Any]) -> list[Any]:
    """Return what Django's handler calls before a view, with the check of CSRF on the loop where it does
    nothing that may wait: for methods that are safe.
    """
    return [_checked_in_place(method) if _is_csrf(method) else method for method in methods]


def _is_csrf(method: Any) -> bool:
    owner = getattr(method.func, "__self__", None) if isinstance(method, SyncToAsync) else None
    return type(owner) is CsrfViewMiddleware


def _checked_in_place(method: Any) -> Any:
    in_place: Any = method.func

    async def process_view(request: Any, *args: Any) -> Any:
        if request.method in _SAFE_METHODS:
            return in_place(request, *args)
        return await method(request, *args)

    return process_view
