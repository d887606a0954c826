"""A view of each kind."""

from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.template import engines  # type: ignore[import-untyped]
from django.template.response import TemplateResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]


def sync(request: HttpRequest) -> HttpResponse:
    """Answer on a thread."""
    return HttpResponse("sync")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    """Answer on the loop."""
    return HttpResponse("async")


def template(request: HttpRequest) -> HttpResponse:
    """Answer with what is rendered after the view."""
    return TemplateResponse(request, engines["django"].from_string("template"))


urlpatterns = [path("sync", sync), path("async", asynchronous), path("template", template)]
