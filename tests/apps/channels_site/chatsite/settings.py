"""Settings; the environment says which channel layer there is, and where the database is."""

import json
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for the tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "chat.example"]
INSTALLED_APPS = [
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "chatsite.urls"
WSGI_APPLICATION = "chatsite.wsgi.application"
ASGI_APPLICATION = "chatsite.asgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CHATSITE_DB", "chat.sqlite3"),
        "CONN_MAX_AGE": int(os.environ.get("CHATSITE_CONN_MAX_AGE", "0")),
        "OPTIONS": {"timeout": 20},
        "TEST": {"NAME": os.environ.get("CHATSITE_TEST_DB", "test.sqlite3")},
    }
}
CHANNEL_LAYERS = json.loads(
    os.environ.get("CHATSITE_LAYERS", '{"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}')
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "chatsite" / "static"]
USE_TZ = True
