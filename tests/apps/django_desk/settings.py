"""Settings with the middleware of `startproject`; environment variables that begin with DESK_ change some."""

import os
from pathlib import Path
from typing import Any

DEBUG = os.environ.get("DESK_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "x"]
SECRET_KEY = "for the tests"
ROOT_URLCONF = os.environ.get("DESK_URLS", "tests.apps.django_desk.urls")
WSGI_APPLICATION = os.environ.get("DESK_WSGI", "tests.apps.django_desk.wsgi.application")
ASGI_APPLICATION = os.environ.get("DESK_ASGI")
INSTALLED_APPS = [
    *os.environ.get("DESK_APPS_FIRST", "hybrid.adapters.django").split(),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *os.environ.get("DESK_APPS_LAST", "django.contrib.staticfiles").split(),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *os.environ.get("DESK_MIDDLEWARE", "").split(),
]
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": os.environ.get("DESK_ENGINE", "django.db.backends.sqlite3"),
        "NAME": os.environ.get("DESK_DATABASE", "desk.sqlite3"),
        "CONN_MAX_AGE": int(os.environ.get("DESK_CONN_MAX_AGE", "0")),
        "CONN_HEALTH_CHECKS": os.environ.get("DESK_CONN_HEALTH_CHECKS") == "1",
    }
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
STATICFILES_DIRS = [Path(__file__).parent / "static"]
USE_TZ = True
FORCE_SCRIPT_NAME = os.environ.get("DESK_SCRIPT_NAME")
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.RemoteUserBackend",
    "django.contrib.auth.backends.ModelBackend",
]
