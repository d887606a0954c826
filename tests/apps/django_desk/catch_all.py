"""One route for everything."""

from django.urls import re_path  # type: ignore[import-untyped]

from tests.apps.django_desk import views

urlpatterns = [re_path("", views.asynchronous)]
