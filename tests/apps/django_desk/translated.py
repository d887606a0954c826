"""Routes that begin with a language."""

from django.conf.urls.i18n import i18n_patterns  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

from tests.apps.django_desk import views

urlpatterns = i18n_patterns(path("async", views.asynchronous), path("sync", views.sync))
