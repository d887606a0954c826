"""What holds for every answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

#: Everything comes from this server, and nothing is written into the page itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@sync_and_async_middleware
def content_security_policy(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponse] | Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Say where scripts, styles and pictures of a page may come from.

    For both kinds of view: a middleware that is synchronous alone costs an `async def` view a thread.
    """

    def add(response: HttpResponse) -> HttpResponse:
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        return response

    if iscoroutinefunction(get_response):

        async def on_loop(request: HttpRequest) -> HttpResponse:
            return add(await get_response(request))

        return on_loop
    return lambda request: add(get_response(request))
