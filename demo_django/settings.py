"""Settings, most of them as `startproject` makes them. The environment has the last word on some."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent
#: What the project writes: the database, attachments, static files that are gathered, its key.
DATA_DIR = Path(os.environ.get("DEMO_DATA", BASE_DIR / "var"))
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("DEMO_DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("DEMO_ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]").split()


def kept_secret(path: Path) -> str:
    """Return the key in a file that its owner alone can read, which is made if there is none."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(get_random_secret_key())
        with suppress(FileExistsError):  # of several processes the first one's stays, and is complete
            os.link(file.name, path)
        Path(file.name).unlink()
    return path.read_text()


SECRET_KEY = os.environ.get("DEMO_SECRET_KEY") or kept_secret(DATA_DIR / "secret_key")

INSTALLED_APPS = [
    "hybrid.adapters.django",  # manage.py serve, and runserver with both lanes and WebSockets
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "demo_django.accounts",
    "demo_django.desk",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "demo_django.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_django.urls"
WSGI_APPLICATION = "demo_django.wsgi.application"
ASGI_APPLICATION = "demo_django.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def database(url: str) -> dict[str, Any]:
    """Read `postgresql://USER:PASSWORD@HOST:PORT/NAME`; without it, it is SQLite."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "desk.sqlite3",
            # Readers do not wait for the one that writes, and writers wait for each other.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL: only postgresql://… is known here; without it, SQLite is used")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


# Connections stay with their threads, of which there are as many as the server says when it starts.
DATABASES = {"default": {**database(os.environ.get("DATABASE_URL", "")), "CONN_MAX_AGE": 600}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

# Where there is TLS, cookies are sent over nothing else.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("DEMO_HTTPS") == "1"

USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"  # without a MEDIA_URL: attachments are for those who have signed in
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage."
        + ("StaticFilesStorage" if DEBUG else "ManifestStaticFilesStorage")
    },
}

LOGGING = {  # without it, what fails is written nowhere when DEBUG is off
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["console"], "level": "INFO"}},
}

#: The largest attachment, in bytes, and how many a ticket may have.
ATTACHMENT_SIZE = 5 * 1024 * 1024
ATTACHMENTS = 20

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}
