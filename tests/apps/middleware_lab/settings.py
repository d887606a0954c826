"""Settings; the lab sets MIDDLEWARE for each list."""

SECRET_KEY = "for the tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.apps.middleware_lab.urls"
INSTALLED_APPS = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages")]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MIDDLEWARE: list[str] = []
DATABASES: dict[str, object] = {}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
USE_TZ = True
LOGGING = {"version": 1, "disable_existing_loggers": True}
