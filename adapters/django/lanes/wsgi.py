"""The wsgi lane: requests on a thread of the pool, through Django's WSGI handler."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.adapters.django.lanes.parts import WSGIHandler, settings, signals
from hybrid.adapters.django.lanes.request import SCOPE, Identities
from hybrid.adapters.django.lanes.streams import FromLoop
from hybrid.bridge.types import LANE, Scope

#: The field of a response that says where it comes from, in debug mode.
LANE_FIELD = "X-Hybrid-Lane"


class WSGILane:
    """A project's WSGI application, as it is served by the pool (worker).

    Args:
        application: what the project has as such: Django's handler, or something around it.
        identities: which fields say who the user is.
    """

    def __init__(self, application: WSGIApplication, identities: Identities) -> None:
        self.application = application
        self._check = identities.check
        self._tells = bool(settings.DEBUG)

    def __repr__(self) -> str:
        return f"<WSGILane of {self.application!r}>"

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        self._check(environ)
        if self._tells:
            start_response = _telling(environ, start_response)
        try:
            response: Any = self.application(environ, start_response)
        except BaseException:  # Django's handler lets nothing out but what it can send no response for
            signals.request_finished.send(sender=WSGIHandler)
            raise
        if getattr(response, "streaming", False) and getattr(response, "is_async", False):
            return FromLoop(response)
        return response  # type: ignore[no-any-return]


def _telling(environ: dict[str, Any], start_response: StartResponse) -> StartResponse:
    scope: Scope = environ.get(SCOPE) or {}
    lane: str = scope.get(LANE, "wsgi")

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        return start_response(status, [*headers, (LANE_FIELD, lane)], exc_info)

    return start
