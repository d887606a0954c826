"""Middleware that is left alone."""

import functools
import threading
import urllib.request
from http.client import HTTPSConnection

from django.contrib.auth import get_user_model
from django.core.cache import cache

state = threading.local()


class Queries:  # middleware  # left alone: get_user_model().objects.count on line 19 of shop/code.py may
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.number = get_user_model().objects.count()
        return self.get_response(request)


class Asks:  # middleware  # left alone: urllib.request.urlopen("https://example.org/").read on line
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        return self.asked(response)

    def asked(self, response):
        response["X-Asked"] = urllib.request.urlopen("https://example.org/").read()
        return response


class Users:  # middleware  # left alone: request.user on line 41 of shop/code.py may wait, and would
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.name = str(request.user)
        return self.get_response(request)


class Threads:  # middleware  # left alone: state on line 50 of shop/code.py is of a thread, see
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        state.request = request
        return self.get_response(request)


class Cached:  # middleware  # left alone: cache.get on line 59 of shop/code.py may wait, and would hold
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return cache.get(request.path) or self.get_response(request)


class Client:  # middleware  # left alone: self.client.request on line 68 of shop/code.py may wait, and
    def __init__(self, get_response):
        self.get_response = get_response
        self.client = HTTPSConnection("example.org")

    def __call__(self, request):
        request.answer = self.client.request("GET", "/")
        return self.get_response(request)


class HandsOn:  # middleware  # left alone: line 77 uses get_response other than to call it in
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return (lambda: self.get_response(request))()


class NoInit:  # middleware  # left alone: it has no __init__() of its own that is
    def __call__(self, request):
        return self.get_response(request)


class Base:  # middleware  # left alone: shop.code.Heir inherits it, with methods of its
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Heir(Base):  # middleware  # left alone: what Heir inherits may do
    def __call__(self, request):
        request.heir = True
        return super().__call__(request)


def wrapped(get_response):  # middleware  # left alone: it does not make and return one plain function of the
    @functools.wraps(get_response)
    def inner(request):
        return get_response(request)

    return inner


def handed_on(get_response):  # middleware  # left alone: line 108 uses get_response other than to call it for a
    other = get_response

    def inner(request):
        return other(request)

    return inner


def blocks(get_response):  # middleware  # left alone: open on line 118 of shop/code.py may wait, and would hold the
    def inner(request):
        with open("/dev/null") as file:
            request.text = file.read()
        return get_response(request)

    return inner


def gets(get_response):  # middleware  # left alone: getattr on line 127 of shop/code.py may wait, and would hold
    def inner(request):
        user = getattr(request, "user", None)
        request.known = user is not None and user.is_authenticated
        return get_response(request)

    return inner
