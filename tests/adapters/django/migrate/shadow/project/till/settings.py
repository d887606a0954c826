"""A till: two databases, and views that try to leave something behind."""

import os
from pathlib import Path

DATA = Path(os.environ["TILL_DATA"])
SECRET_KEY = "till"
ALLOWED_HOSTS = ["till.example"]
ROOT_URLCONF = "till.urls"
WSGI_APPLICATION = "till.wsgi.application"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "till"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "till.middleware.Answers",
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "default.sqlite3"},
    "archive": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "archive.sqlite3"},
}
DATABASES["archive"]["ENGINE"] = os.environ.get("TILL_ARCHIVE", DATABASES["archive"]["ENGINE"])
if os.environ.get("PGHOST"):
    DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": DATA / "cache"},
    "none": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
SESSION_ENGINE = os.environ.get("TILL_SESSIONS", "django.contrib.sessions.backends.cached_db")
SESSION_FILE_PATH = DATA
TASKS = {"default": {"BACKEND": "till.own_tasks.Backend"}}  # from Django 6.0 on
CHANNEL_LAYERS = {"default": {"BACKEND": "memory"}}
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = DATA / "mail"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", 9
CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": DATA / "log"}},
    "loggers": {"till": {"handlers": ["file"], "propagate": False, "level": "INFO"}},
}
USE_TZ = True
