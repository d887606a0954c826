"""A Django project with the middleware of `startproject` and the views of whoever imports this."""

import atexit
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.http import (  # type: ignore[import-untyped]
    FileResponse,
    HttpRequest,
    HttpResponse,
    StreamingHttpResponse,
)
from django.urls import path  # type: ignore[import-untyped]

from benchmarks.apps import burn_wsgi
from benchmarks.apps.file_wsgi import FILE_VARIABLE
from benchmarks.apps.stream_wsgi import CHUNK

urlpatterns: list[Any] = []
_turns = itertools.count()
#: Seconds that a slow system takes.
_WAIT = 0.02


def set_up(view: Callable[[HttpRequest], Any], **others: Callable[[HttpRequest], Any]) -> None:
    """Set Django up, once in a process, with this view at `/`, and others at their names."""
    if urlpatterns:
        return
    folder = tempfile.mkdtemp(prefix="hybrid-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    urlpatterns.extend([path("", view), *(path(name, other) for name, other in others.items())])
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for the benchmark",  # noqa: S106 - nothing is signed with it
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.path.join(folder, "rows.sqlite3"),  # noqa: PTH118 - as a settings file has it
                "CONN_MAX_AGE": 600,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def hello(request: HttpRequest) -> HttpResponse:
    """Answer with thirteen bytes of plain text."""
    return HttpResponse("Hello, world!", content_type="text/plain")


async def hello_async(request: HttpRequest) -> HttpResponse:
    """Answer with the same from a coroutine."""
    return HttpResponse("Hello, world!", content_type="text/plain")


def rows(request: HttpRequest) -> HttpResponse:
    """Answer with the names in twenty rows of a database."""
    from django.contrib.contenttypes.models import ContentType  # type: ignore[import-untyped]

    names = ContentType.objects.order_by("model").values_list("model", flat=True)[:20]
    return HttpResponse(" ".join(names), content_type="text/plain")


def _file(request: HttpRequest) -> FileResponse:
    """Send so many bytes of the end of a file, as many as the client asks for."""
    file = Path(os.environ[FILE_VARIABLE]).open("rb")  # noqa: SIM115 - the response closes it
    file.seek(-int(request.GET["size"]), os.SEEK_END)
    return FileResponse(file, content_type="application/octet-stream")


def _stream(request: HttpRequest) -> StreamingHttpResponse:
    """Send so many bytes that a generator makes, each part anew: to keep them all takes their size."""
    parts = (bytes(bytearray(CHUNK)) for _ in range(int(request.GET["size"]) // len(CHUNK)))
    return StreamingHttpResponse(parts, content_type="application/octet-stream")


def file(request: HttpRequest) -> FileResponse:
    """Send a file from a plain function."""
    return _file(request)


async def file_async(request: HttpRequest) -> FileResponse:
    """Send a file from a coroutine."""
    return _file(request)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Send what a generator makes from a plain function."""
    return _stream(request)


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    """Send what a generator makes from a coroutine."""
    return _stream(request)


def burn(request: HttpRequest) -> HttpResponse:
    """Answer with the thirteen bytes after some computing."""
    burn_wsgi.view()
    return hello(request)


def mixed(request: HttpRequest) -> HttpResponse:
    """Compute for every other request; wait for something slow and then read the rows for those between."""
    if next(_turns) % 2:
        return burn(request)
    time.sleep(_WAIT)
    rows(request)
    return hello(request)


#: The views of large bodies, for `set_up`.
LARGE = {each.__name__: each for each in (file, file_async, stream, stream_async)}


def fill() -> None:
    """Make the twenty rows."""
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command  # type: ignore[import-untyped]

    call_command("migrate", verbosity=0)
    ContentType.objects.all().delete()
    for number in range(20):
        ContentType.objects.create(app_label="rows", model=f"model{number:02}")
