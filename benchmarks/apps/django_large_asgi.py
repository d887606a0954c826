"""The Django project with the views of large bodies, on its ASGI handler."""

from benchmarks.apps import django_site

django_site.set_up(django_site.hello, **django_site.LARGE)

from django.core.handlers.asgi import ASGIHandler  # type: ignore[import-untyped]  # noqa: E402 - after the set-up

app = ASGIHandler()
