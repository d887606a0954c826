"""Small Django projects, written into a folder for one test."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

SETTINGS = """
SECRET_KEY = "hidden-from-reports"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("home"), name="home")]
"""
MANAGE = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
"""


def write_project(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Write a project ``shop`` into a folder, and return the folder.

    Args:
        folder: is to have ``manage.py``.
        files: others, or other text for these; by their path below the folder. A name that begins with ``+``
            is added to the text that there is.
    """
    texts = {
        "manage.py": MANAGE,
        "shop/__init__.py": "",
        "shop/settings.py": SETTINGS,
        "shop/urls.py": URLS,
    }
    for name, text in (files or {}).items():
        plain = name.removeprefix("+")
        texts[plain] = (texts.get(plain, "") if name != plain else "") + dedent(text)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def line_of(path: Path, text: str) -> int:
    """Return the number of the first line that has a text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
