"""A Django project in one file, with users in a database, and WebSockets for those who have signed in."""

import os
from typing import Any

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.core.handlers.wsgi import WSGIHandler  # type: ignore[import-untyped]
from django.core.management import call_command  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

from hybrid.adapters.django.auth import django_session
from hybrid.bridge.auth import Authentication
from tests.apps.whoami import whoami

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("KEY", "new"),
    SECRET_KEY_FALLBACKS=["old"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "users.sqlite3"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)


def sign_in(request: HttpRequest, name: str) -> HttpResponse:
    """Sign in, as a user who may be new."""
    from django.contrib.auth import login  # type: ignore[import-untyped]
    from django.contrib.auth.models import User  # type: ignore[import-untyped]

    user, new = User.objects.get_or_create(username=name)
    if new:
        user.set_password("first")
        user.save()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    request.session["cart"] = ["tea"]
    return HttpResponse(str(user.pk))


def change(request: HttpRequest, name: str) -> HttpResponse:
    """Change something about a user: `password`, or `is_active`."""
    if name == "password":
        request.user.set_password("second")
    else:
        request.user.is_active = False
    request.user.save()
    return HttpResponse()


def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    from django.contrib.auth import logout

    logout(request)
    return HttpResponse()


def visit(request: HttpRequest) -> HttpResponse:
    """Have a session, and be nobody."""
    request.session["cart"] = []
    return HttpResponse()


urlpatterns = [
    path("in/<name>", sign_in),
    path("change/<name>", change),
    path("out", sign_out),
    path("visit", visit),
]
app = WSGIHandler()
sockets: Any = Authentication(whoami, django_session(), recheck=0.05)
