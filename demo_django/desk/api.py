"""The REST API, with Django REST framework."""

from typing import Any

from rest_framework import mixins, serializers, viewsets

from demo_django.desk.models import Ticket


class TicketSerializer(serializers.ModelSerializer):
    """A ticket as JSON."""

    author = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        """The fields."""

        model = Ticket
        fields = (
            "id",
            "title",
            "description",
            "status",
            "priority",
            "author",
            "assignee",
            "created",
            "updated",
        )


class TicketViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    viewsets.GenericViewSet,
):
    """Tickets for programs: to list, read, write and change. Open pages hear of it as of anything else."""

    queryset = Ticket.objects.select_related("author")
    serializer_class = TicketSerializer

    def perform_create(self, serializer: Any) -> None:
        """Keep whose it is."""
        serializer.save(author=self.request.user)

    def perform_update(self, serializer: Any) -> None:
        """Keep what was changed, and by whom."""
        ticket = serializer.instance
        changed = [
            name for name, value in serializer.validated_data.items() if getattr(ticket, name) != value
        ]
        if changed:
            serializer.save()
            ticket.comments.create(author=self.request.user, text=", ".join(changed), is_change=True)
