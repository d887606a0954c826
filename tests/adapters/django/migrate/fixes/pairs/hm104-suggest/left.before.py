"""What is not linear gets the marker."""

from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin


class Kept(MiddlewareMixin):
    def __call__(self, request):
        began = request.path
        response = self.get_response(request)
        response["X-Began"] = began
        return response


class Answers(MiddlewareMixin):
    def __call__(self, request):
        if request.path == "/early/":
            return HttpResponse("early")
        response = self.get_response(request)
        response["X-Late"] = "1"
        return response


class InBlock(MiddlewareMixin):
    def __call__(self, request):
        try:
            response = self.get_response(request)
        except ValueError:
            response = HttpResponse("wrong")
        response["X-Block"] = "1"
        return response


class Hooked(MiddlewareMixin):
    def process_request(self, request):
        request.hooked = True

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Hooked"] = "1"
        return response


class Base(MiddlewareMixin):
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Base"] = "1"
        return response


class Heir(Base):
    def __call__(self, request):
        response = super().__call__(request)
        response["X-Heir"] = "1"
        return response


class NoInit(MiddlewareMixin):
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-None"] = "1"
        return response
