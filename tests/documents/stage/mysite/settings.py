from pathlib import Path

SECRET_KEY = "for the documents"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
ASGI_APPLICATION = "mysite.asgi.application"
INSTALLED_APPS = ["hybrid.adapters.django", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "shop.middleware.legacy",
    "django.middleware.common.CommonMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STATICFILES_DIRS = [Path(__file__).parent.parent / "build" / "static"]
STATIC_URL = "/static/"
STATIC_ROOT = Path(__file__).parent.parent / "static"
