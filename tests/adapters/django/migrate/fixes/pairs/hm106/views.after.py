"""Asynchronous views with ATOMIC_REQUESTS."""

from django.db import models, transaction
from django.http import HttpResponse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_GET,
)


# Of the shop.
@transaction.non_atomic_requests(using="archive")
@transaction.non_atomic_requests
async def cart(request):  # view: default
    return HttpResponse()


@transaction.non_atomic_requests(using="archive")
@transaction.non_atomic_requests
@csrf_exempt  # by intent
@require_GET
async def decorated(request):  # view: default archive
    return HttpResponse(models)


class Shop(View):
    async def get(self, request):
        return HttpResponse()


@transaction.non_atomic_requests(using="archive")
@transaction.non_atomic_requests
@csrf_exempt
async def other(request):  # view: archive
    return HttpResponse()
