"""Which consumer takes which WebSocket."""

from django.urls import path

from demo_django.desk.live import TicketPage

websocket_urlpatterns = [
    path("ws/tickets/<int:pk>/", TicketPage.as_asgi(), {"editing": False}),
    path("ws/tickets/<int:pk>/edit/", TicketPage.as_asgi(), {"editing": True}),
]
