"""Which consumer takes which path."""

from django.urls import path, re_path

from chatsite import consumers

websocket_urlpatterns = [
    path("ws/chat/<slug:room>/", consumers.Chat.as_asgi()),
    re_path(r"^ws/echo/(?P<name>\w+)/$", consumers.Echo.as_asgi()),
    path("ws/private/", consumers.Private.as_asgi()),
]
