"""HM502."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse


def tells(request):
    layer = get_channel_layer()
    async_to_sync(layer.group_send)("echo", {"type": "tell"})  # HM502
    return HttpResponse()


async def tells_itself(request):
    layer = get_channel_layer()
    await layer.group_send("echo", {"type": "tell"})  # not HM502
    return HttpResponse()


def mails(request, mailer):
    async_to_sync(mailer.send)("echo")  # HM308
    return HttpResponse(mailer.group_send())  # not HM502
