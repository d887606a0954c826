"""Asynchronous classes with ATOMIC_REQUESTS."""

from django.http import HttpResponse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.utils.decorators import method_decorator


class Shop(View):  # view: default
    """Of the shop."""

    async def get(self, request):
        return HttpResponse()


@method_decorator(csrf_exempt, name="dispatch")
class Counter(View):  # view: default
    async def get(self, request):
        return HttpResponse()
