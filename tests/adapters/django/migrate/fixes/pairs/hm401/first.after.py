from asgiref.local import Local
from django.utils.deprecation import MiddlewareMixin

_here = Local()


def remember(request):
    _here.request = request
