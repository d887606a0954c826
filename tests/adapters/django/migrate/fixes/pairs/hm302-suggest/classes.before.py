"""Middleware classes that are synchronous."""

import logging
import time
import uuid

from django.http import HttpResponseRedirect
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger(__name__)


class Plain:  # middleware
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Plain"] = "1"
        return response


class Timed(object):  # middleware
    """Says how long a request has taken."""

    header = "X-Timed"

    def __init__(self, get_response):
        self._next = get_response
        self.number = 0

    # Called by Django.
    def __call__(self, request):
        """Answer a request."""
        began = time.monotonic()
        # What is inside.
        response = self._next(request)
        self.stamp(response, time.monotonic() - began)
        return response

    def stamp(self, response, seconds):
        self.number += 1
        response[self.header] = str(seconds >= 0)
        logger.debug("took %s", seconds)


class Early:  # middleware
    sync_capable = True
    async_capable = False

    def __init__(self, get_response=None):
        self.get_response = get_response

    def __call__(self, request):
        if request.path == "/early/":
            return HttpResponseRedirect("/")
        request.id = getattr(request, "id", None) or uuid.UUID(int=1)
        try:
            if request.GET.get("raw"):
                return self.get_response(request)
            status = self.get_response(request).status_code
        except ValueError:
            status = 0
        response = self.get_response(request)
        response["X-Early"] = f"{status} {request.id}"
        return response

    def process_view(self, request, view, args, kwargs):
        request.viewed = True


class Marked(MiddlewareMixin):  # middleware
    async_capable = False

    def __call__(self, request):
        # Before.
        request.marked = "yes"

        # Behind it.
        response = self.get_response(request)

        response["X-Marked"] = "1"
        return response
