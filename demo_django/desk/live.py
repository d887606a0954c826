"""What makes open pages live: the WebSocket of a ticket, and what tells them that something was saved."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

import hybrid
from demo_django.desk.models import Attachment, Comment, Ticket
from hybrid.adapters.django.generic.websocket import AsyncJsonWebsocketConsumer

#: The group of all pages that list tickets.
DESK = "desk"


def group_of(ticket: int) -> str:
    """Return the group of the open pages of a ticket."""
    return f"ticket.{ticket}"


class TicketPage(AsyncJsonWebsocketConsumer):
    """The WebSocket of one open page of a ticket: who else is there, and that there is something new."""

    group = ""

    async def connect(self) -> None:
        """Join the others."""
        arguments = self.scope["url_route"]["kwargs"]
        user = self.scope["user"]
        if not user.is_authenticated or not await Ticket.objects.filter(pk=arguments["pk"]).aexists():
            await self.close()
            return
        await self.accept()
        self.group = group_of(arguments["pk"])
        who = {"name": user.get_username(), "editing": arguments["editing"]}
        await self.channel_layer.group_watch(self.group, self.channel_name)
        await self.channel_layer.group_add(self.group, self.channel_name, who)

    async def disconnect(self, code: int) -> None:
        """Leave them."""
        if self.group:
            await self.channel_layer.group_unwatch(self.group, self.channel_name)
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def group_join(self, event: dict[str, Any]) -> None:
        """Say who is here: of somebody with several windows, once, and editing if one of them is."""
        people: dict[str, bool] = {}
        for member in await self.channel_layer.group_members(self.group):
            name = member.metadata["name"]
            people[name] = people.get(name, False) or member.metadata["editing"]
        here = [{"name": name, "editing": people[name]} for name in sorted(people)]
        await self.send_json({"type": "people", "people": here})

    group_leave = group_join

    async def ticket_changed(self, event: dict[str, Any]) -> None:
        """Say that there is something new; the page fetches it."""
        await self.send_json({"type": "changed"})


def listen() -> None:
    """Tell open pages whenever something is saved: by a view, the admin, the REST API or a script."""
    for model in (Ticket, Comment, Attachment):
        post_save.connect(_saved, model)
        post_delete.connect(_saved, model)


def _saved(instance: Any, *, created: bool = False, **_: Any) -> None:
    is_ticket = isinstance(instance, Ticket)
    ticket = instance.pk if is_ticket else instance.ticket_id
    news = {"type": "ticket.changed", "ticket": ticket, "new": is_ticket and created}

    def publish() -> None:
        hybrid.publish(group_of(ticket), news)
        hybrid.publish(DESK, news)

    transaction.on_commit(publish)  # a page that looks earlier would not see it
