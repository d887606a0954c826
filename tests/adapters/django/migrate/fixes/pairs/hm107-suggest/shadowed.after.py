"""Names that mean something else."""

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404


def list(query):
    return [query]


def aget_object_or_404(model):
    return model


async def view(request):
    users = list(User.objects.all())  # left alone: list means something else there
    return get_object_or_404(User), users  # left alone: django.shortcuts.aget_object_or_404 is needed
