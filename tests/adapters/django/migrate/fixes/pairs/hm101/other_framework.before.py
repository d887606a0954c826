"""Requests of webtest, and those of Django."""

from django.http import HttpResponse
from webtest import TestApp


class Client(TestApp):
    def do_request(self, req, status):
        req.environ["REMOTE_ADDR"] = "127.0.0.1"


def shop(request):
    return HttpResponse(request.environ["REMOTE_ADDR"])  # left alone: the module imports another framework
