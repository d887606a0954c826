"""HM106, with shop.settings_atomic."""

from django.db import transaction
from django.http import HttpResponse


async def atomic(request):  # HM106
    return HttpResponse()


@transaction.non_atomic_requests
async def not_atomic(request):  # not HM106
    return HttpResponse()


def synchronous(request):  # not HM106
    return HttpResponse()
