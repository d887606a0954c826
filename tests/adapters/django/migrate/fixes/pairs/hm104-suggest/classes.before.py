"""Middleware with a ``__call__`` of its own, around ``get_response``."""

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin


class After(MiddlewareMixin):
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Before(MiddlewareMixin):
    """Has a docstring."""

    def __call__(self, request) -> HttpResponse:
        """So has this."""
        if request.path == "/early/":
            return HttpResponse("early", status=202)
        request.number = 7
        # Inside.
        response = self.get_response(request)
        return response


class Around(MiddlewareMixin):
    async_capable = True

    # Stamps.
    def __call__(self, request):
        request.before = User.objects.none().count()
        # What is inside.
        answer = self.get_response(request)  # the view

        if request.path == "/plain/":
            return answer
        answer["X-Around"] = str(request.before)
        # Ready.
        return answer

    def other(self):
        return 1
