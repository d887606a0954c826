"""Which view takes which path."""

from django.urls import path

from chatsite import views

urlpatterns = [
    path("in/<name>", views.sign_in),
    path("say/<room>", views.say),
    path("say-and-wait/<room>", views.say_and_wait),
]
