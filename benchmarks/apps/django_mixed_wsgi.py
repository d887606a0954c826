"""The Django project whose view is `mixed`, on its WSGI handler."""

from benchmarks.apps import django_site

django_site.set_up(django_site.mixed)
django_site.fill()

from django.core.handlers.wsgi import WSGIHandler  # type: ignore[import-untyped]  # noqa: E402 - after the set-up

app = WSGIHandler()
