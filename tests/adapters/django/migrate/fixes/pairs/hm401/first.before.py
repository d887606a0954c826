import threading

from django.utils.deprecation import MiddlewareMixin

_here = threading.local()


def remember(request):
    _here.request = request
