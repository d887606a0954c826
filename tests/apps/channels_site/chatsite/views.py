"""Views, all of them synchronous."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpResponse

from chatsite.consumers import heard


def sign_in(request, name):
    """Sign in, as a user who may be new."""
    user, _ = User.objects.get_or_create(username=name)
    login(request, user)
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"{user.username}, {User.objects.count()}")


def say(request, room):
    """Say something to a room."""
    message = {"type": "chat.said", "by": "a view", "text": request.GET["text"]}
    async_to_sync(get_channel_layer().group_send)(room, message)
    return HttpResponse("said")


def say_and_wait(request, room):
    """Say something to a room, and wait until somebody there has heard it."""
    heard.clear()
    message = {"type": "chat.said", "by": "a waiting view", "text": "do you hear me?"}
    async_to_sync(get_channel_layer().group_send)(room, message)
    return HttpResponse("heard" if heard.wait(60) else "not heard")
