"""HM203 and HM204."""

import logging

from django.http import HttpResponse
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.views import APIView

from security.limits import ratelimit

LOG = logging.getLogger(__name__)


def upload(request):
    first = request.FILES["first"]  # HM203
    second = request.FILES.get("second")  # not HM203
    return HttpResponse([first, second])


def form(request, values):
    return HttpResponse([request.POST["FILES"], values.FILES])  # not HM203


class Import(APIView):
    parser_classes = [JSONParser, MultiPartParser]  # HM203

    def post(self, request):
        return HttpResponse()


class Plain(APIView):
    parser_classes = [JSONParser]  # not HM203

    def post(self, request):
        return HttpResponse()


def allowed(request):
    if request.META["REMOTE_ADDR"] in ("10.0.0.1",):  # HM204
        return HttpResponse()
    return HttpResponse(status=403)


def by_address(request):
    address = request.META.get("REMOTE_ADDR", "")  # HM204
    return HttpResponse(address)


def logged(request):
    LOG.info("from %s", request.META["REMOTE_ADDR"])  # not HM204
    return HttpResponse(request.META.get("REMOTE_HOST"))  # not HM204


@ratelimit(key="user", rate="5/m")  # not HM204
def limited(request):
    return HttpResponse()
