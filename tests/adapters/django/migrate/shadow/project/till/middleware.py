"""Middleware that answers for a view that has failed."""

from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin


class Answers(MiddlewareMixin):
    """Makes a page of a KeyError."""

    def process_exception(self, request, exception):
        return HttpResponse("not there", status=404) if isinstance(exception, KeyError) else None
