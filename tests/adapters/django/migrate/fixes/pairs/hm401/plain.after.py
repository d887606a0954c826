"""The user of a request."""

from asgiref.local import Local
from django.http import HttpResponse

_here = Local()  # one for each thread


def middleware(get_response):
    def inner(request):
        _here.user = request.user
        try:
            return get_response(request)
        finally:
            del _here.user

    return inner


def current_user():
    return getattr(_here, "user", None)
