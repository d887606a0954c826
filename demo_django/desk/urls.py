"""The desk's pages."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from demo_django.desk import events, systems, views
from demo_django.desk.api import TicketViewSet

router = SimpleRouter()
router.register("tickets", TicketViewSet)

app_name = "desk"
urlpatterns = [
    path("", views.tickets, name="tickets"),
    path("tickets/new/", views.new, name="new"),
    path("tickets/export.csv", views.export, name="export"),
    path("tickets/<int:pk>/", views.ticket, name="ticket"),
    path("tickets/<int:pk>/edit/", views.edit, name="edit"),
    path("tickets/<int:pk>/comments/", views.comment, name="comment"),
    path("tickets/<int:pk>/attachments/", views.attach, name="attach"),
    path("attachments/<int:pk>/", views.attachment, name="attachment"),
    path("systems/", systems.systems, name="systems"),
    path("events/", events.events, name="events"),
    path("api/", include(router.urls)),
]
