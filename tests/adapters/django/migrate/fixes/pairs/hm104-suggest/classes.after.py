"""Middleware with a ``__call__`` of its own, around ``get_response``."""

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin


class After(MiddlewareMixin):
    def process_response(self, request, response):
        response["X-Shop"] = "1"
        return response


class Before(MiddlewareMixin):
    """Has a docstring."""

    def process_request(self, request):
        """So has this."""
        if request.path == "/early/":
            return HttpResponse("early", status=202)
        request.number = 7
        # Inside.


class Around(MiddlewareMixin):
    async_capable = True

    # Stamps.
    def process_request(self, request):
        request.before = User.objects.none().count()

    def process_response(self, request, answer):
        # What is inside.
        # the view
        if request.path == "/plain/":
            return answer
        answer["X-Around"] = str(request.before)
        # Ready.
        return answer

    def other(self):
        return 1
