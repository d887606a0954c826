"""A route for any path, which tells it."""

from django.http import HttpRequest, JsonResponse  # type: ignore[import-untyped]
from django.urls import re_path  # type: ignore[import-untyped]


def told(request: HttpRequest) -> JsonResponse:
    """Tell the path."""
    return JsonResponse({"path": request.path})


urlpatterns = [re_path(r"^any/", told)]
