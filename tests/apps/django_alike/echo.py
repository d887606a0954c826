"""All that a view sees of its request."""

from typing import Any

from django.core.exceptions import DisallowedHost  # type: ignore[import-untyped]
from django.http import HttpRequest, JsonResponse  # type: ignore[import-untyped]
from django.utils.translation import get_language  # type: ignore[import-untyped]

_SHORT = 200


def echo(request: HttpRequest) -> JsonResponse:
    """Tell it."""
    sent = {"POST": dict(request.POST.lists()), "FILES": [_file(each) for each in request.FILES.values()]}
    return JsonResponse(
        {
            **{name: getattr(request, name) for name in ("method", "path", "path_info", "scheme")},
            **{name: getattr(request, name) for name in ("encoding", "content_type", "content_params")},
            "GET": dict(request.GET.lists()),
            **sent,
            "body": _body(request),
            "COOKIES": request.COOKIES,
            "host": _of_host(request.get_host),
            "uri": _of_host(request.build_absolute_uri),
            "full path": request.get_full_path(),
            "language": get_language(),
            "META": {key: _described(value) for key, value in request.META.items()},
        }
    )


def _of_host(function: Any) -> str:
    try:
        return str(function())
    except DisallowedHost:
        return "DisallowedHost"


def _body(request: HttpRequest) -> str:
    if request.content_type.startswith("multipart/"):
        return "read by POST"
    return request.body.decode("latin-1") if len(request.body) < _SHORT else f"{len(request.body)} bytes"


def _file(file: Any) -> list[str]:
    content = file.read()
    shown = content.decode("latin-1") if len(content) < _SHORT else f"{len(content)} bytes"
    return [type(file).__name__, file.name, file.content_type, shown]


def _described(value: object) -> str:
    return f"{value!r}" if isinstance(value, (str, int)) else f"a {type(value).__name__}"
