"""The wsgi lane: requests on a thread of the pool, through Django's WSGI handler."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.adapters.django.lanes.parts import WSGIHandler, settings, signals
from hybrid.adapters.django.lanes.request import SCOPE, Identities
from hybrid.adapters.django.lanes.streams import FromLoop
from hybrid.adapters.django.lanes.timing import BEGUN, Begun, ThreadAnswer, count_on_thread, has_left
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
        #: Whether it is Django's alone: what it returns says its status, and nobody has to listen for it.
        self.is_plain = isinstance(application, WSGIHandler) and (
            type(application).__call__ is WSGIHandler.__call__
        )
        self._call = application
        self._check = identities.check
        self._tells = bool(settings.DEBUG)

    def __repr__(self) -> str:
        return f"<WSGILane of {self.application!r}>"

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        self._check(environ)
        if self._tells:
            start_response = _telling(environ, start_response)
        answer = None if self.is_plain else ThreadAnswer(environ, start_response)
        start = start_response if answer is None else answer.start_response
        try:
            response: Any = self._call(environ, start)
        except BaseException:  # Django's handler lets nothing out but what it can send no response for
            count_on_thread(environ, perf_counter(), failed=True)
            signals.request_finished.send(sender=WSGIHandler)
            raise
        if answer is None:
            if getattr(response, "streaming", True) is False:
                begun: Begun | None = environ[SCOPE].pop(BEGUN, None) if SCOPE in environ else None
                if begun is not None and not has_left(environ):
                    begun[1].note(perf_counter() - begun[0], response.status_code >= 500)
                return response  # type: ignore[no-any-return]
            answer = ThreadAnswer(environ, start_response, _status_of(response))
        if getattr(response, "streaming", False) and getattr(response, "is_async", False):
            response = FromLoop(response)
        return answer.returned(response)


def _status_of(response: Any) -> int:
    """Return the status of what Django's handler has returned: a response, or the file of one, whose
    ``close()`` it has made that of the response.
    """
    if not hasattr(response, "status_code"):
        response = getattr(response.filelike.close, "__self__", None)
    status: int = getattr(response, "status_code", 200)
    return status


def _telling(environ: dict[str, Any], start_response: StartResponse) -> StartResponse:
    scope: Scope = environ.get(SCOPE) or {}
    lane: str = scope.get(LANE, "wsgi")

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        return start_response(status, [*headers, (LANE_FIELD, lane)], exc_info)

    return start
