"""A Django project with the middleware of `startproject` and one view, chosen by whoever imports this."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

urlpatterns: list[Any] = []


def set_up(view: Callable[[HttpRequest], Any]) -> None:
    """Set Django up, once in a process, with this view at `/`."""
    if urlpatterns:
        return
    folder = tempfile.mkdtemp(prefix="hybrid-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    urlpatterns.append(path("", view))
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


def fill() -> None:
    """Make the twenty rows."""
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command  # type: ignore[import-untyped]

    call_command("migrate", verbosity=0)
    ContentType.objects.all().delete()
    for number in range(20):
        ContentType.objects.create(app_label="rows", model=f"model{number:02}")
