"""Settings with the middleware of `startproject` and more; environment variables say where files are."""

import os
from typing import Any

DEBUG = False
ALLOWED_HOSTS = ["example.org", ".example.com", "127.0.0.1", "[::1]"]
SECRET_KEY = "for the tests"
ROOT_URLCONF = "tests.apps.django_alike.urls"
WSGI_APPLICATION = "tests.apps.django_alike.wsgi.application"
INSTALLED_APPS = [
    "tests.apps.django_alike",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tests.apps.django_alike.middleware.Witness",
    "tests.apps.django_alike.middleware.OwnCall",
]
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "alike.sqlite3",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 600,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.RemoteUserBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2000
LANGUAGES = [("en", "English"), ("de", "German")]
USE_TZ = True
FORCE_SCRIPT_NAME = os.environ.get("ALIKE_SCRIPT_NAME")
