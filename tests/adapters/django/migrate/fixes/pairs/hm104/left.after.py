"""Middleware that says what it can do in a way of its own."""

from django.utils.deprecation import MiddlewareMixin

CAPABLE = True


class Computed(MiddlewareMixin):
    async_capable = CAPABLE

    def __call__(self, request):  # left alone: async_capable is set in the class in a way of its own
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Both(MiddlewareMixin):
    sync_capable = async_capable = True

    def __call__(self, request):  # left alone: async_capable is set in the class in a way of its own
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Base(MiddlewareMixin):
    def __call__(self, request):  # left alone: shop.code.Heir inherits it, and says async_capable = True
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Heir(Base):
    async_capable = True


class NoInit(MiddlewareMixin):
    def __init__(self, get_response):  # left alone: to be done by hand: call super().__init__(get_response)
        self.get_response = get_response
