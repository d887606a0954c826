"""Which part of the project takes which path."""

from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("", include("demo_django.desk.urls")),
    path("accounts/", include("demo_django.accounts.urls")),
    path("admin/", admin.site.urls),
    *staticfiles_urlpatterns(),  # with DEBUG alone
]
