"""HM108 and HM110."""

from functools import wraps

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import FormView, TemplateView
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet


def run(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return async_to_sync(function)(*args, **kwargs)  # HM308

    return inner


class Mixed(View):  # HM108
    def get(self, request):
        return HttpResponse()

    async def post(self, request):
        return HttpResponse()


class MixedWithDjangos(FormView):  # HM108
    async def post(self, request):
        return HttpResponse()


@method_decorator(never_cache, name="dispatch")
class Touched(View):  # HM108
    async def get(self, request):
        return HttpResponse()


class Asynchronous(View):  # not HM108
    async def get(self, request):
        return HttpResponse()

    async def post(self, request):
        return HttpResponse()

    def options(self, request):
        return HttpResponse()


class Synchronous(TemplateView):  # not HM108
    def post(self, request):
        return HttpResponse()


class PostAlone(TemplateView):  # not HM108
    http_method_names = ["post", "options"]

    async def post(self, request):
        return HttpResponse()


@method_decorator(csrf_exempt, name="dispatch")
class Exempt(View):  # not HM108
    async def get(self, request):
        return HttpResponse()


class AsynchronousAPI(APIView):  # HM110
    async def get(self, request):
        return Response({})


class Orders(ViewSet):  # HM110
    def list(self, request):
        return Response([])

    @action(detail=True)
    async def pay(self, request, pk):
        return Response({})


@api_view(["GET"])
async def asynchronous_api(request):  # HM110
    return Response({})


@api_view(["GET"])
@permission_classes([])
async def permitted_api(request):  # HM110
    return Response({})


class Run(ViewSet):  # not HM110
    @action(detail=False)
    @run
    async def pay(self, request):
        return Response({})


@api_view(["GET"])
@run
async def run_api(request):  # not HM110
    return Response({})


class SynchronousAPI(APIView):  # not HM110
    def get(self, request):
        return Response({})

    async def helper(self):
        return 3
