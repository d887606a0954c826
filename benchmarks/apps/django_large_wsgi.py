"""The Django project with the views of large bodies, on its WSGI handler."""

from benchmarks.apps import django_site

django_site.set_up(django_site.hello, **django_site.LARGE)

from django.core.handlers.wsgi import WSGIHandler  # type: ignore[import-untyped]  # noqa: E402 - after the set-up

app = WSGIHandler()
