"""HM402, HM403 and HM414."""

import asyncio
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.views import View
from django.views.decorators.http import require_safe


def pay(order):
    order.save()


async def orders(request, order):  # HM402
    await order.asave()
    await order.lines.acreate(number=3)
    return HttpResponse()


class Orders(View):
    async def post(self, request, order):  # HM402
        await sync_to_async(order.save)()
        await sync_to_async(order.lines.create)(number=3)
        return HttpResponse()

    async def get(self, request, order):  # not HM402
        await order.asave()
        await order.lines.acreate(number=3)
        return HttpResponse()


@require_safe
async def safe(request, order):  # not HM402
    await order.asave()
    await order.asave()
    return HttpResponse()


async def once(request, order):  # not HM402
    found = await order.lines.afirst()
    await order.asave()
    return HttpResponse(found)


async def together(request, order):  # not HM402
    await asyncio.shield(sync_to_async(pay)(order))
    return HttpResponse()


async def no_view(order):  # not HM402
    await order.asave()
    await order.asave()


def limited(request):
    if int(request.META.get("CONTENT_LENGTH") or 0) > 1000:  # HM403
        return HttpResponse(status=413)
    if request.headers["Content-Length"] == "0":  # HM403
        return HttpResponse(status=411)
    return HttpResponse(request.META.get("CONTENT_LENGTH"))  # not HM403


def of_a_response(response):
    return int(response.headers["Content-Length"])  # not HM403


def swallows(request):
    found = None
    try:  # HM414
        found = request.environ["wsgi.url_scheme"]  # HM101
    except Exception:
        found = "http"
    with suppress(Exception):  # HM414
        found = request.META["SERVER_SOFTWARE"]  # HM102
    return HttpResponse(found)


def is_ready(request):
    found = None
    try:  # not HM414
        found = request.environ["wsgi.url_scheme"]
    except AttributeError:
        found = "http"
    try:  # not HM414
        found = request.environ["wsgi.url_scheme"]  # HM101
    except Exception:
        raise
    try:  # not HM414
        found = request.META["HTTP_HOST"]
    except Exception:
        found = None
    return HttpResponse(found)
