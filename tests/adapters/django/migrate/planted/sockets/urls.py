from django.urls import path

from sockets import layers

urlpatterns = [
    path("tells/", layers.tells),
    path("tells/itself/", layers.tells_itself),
    path("mails/", layers.mails),
]
