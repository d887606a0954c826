"""The Django project whose view is `hello_async`, on its ASGI handler."""

from benchmarks.apps import django_site

django_site.set_up(django_site.hello_async)

from django.core.handlers.asgi import ASGIHandler  # type: ignore[import-untyped]  # noqa: E402 - after the set-up

app = ASGIHandler()
