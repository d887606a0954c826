"""Signing up, in and out."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from demo_django.accounts.views import sign_up

urlpatterns = [
    path("sign-up/", sign_up, name="sign-up"),
    path("sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
]
