"""Middleware with a ``__call__`` of its own."""

from django.middleware.common import CommonMiddleware
from django.utils.deprecation import MiddlewareMixin


class Plain(MiddlewareMixin):
    async_capable = False

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Told(MiddlewareMixin):
    """Has a docstring."""

    async_capable = False

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class WithAttributes(CommonMiddleware):
    """Has attributes."""

    async_capable = False
    # Of the shop.
    name = "shop"

    def __call__(self, request):
        response = super().__call__(request)
        response["X-Shop"] = self.name
        return response


class Commented(MiddlewareMixin):  # of old
    async_capable = False

    # Stamps.
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class SaysSo(MiddlewareMixin):
    sync_capable = True
    async_capable = False  # since it was easy

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Annotated(MiddlewareMixin):
    async_capable: bool = False

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


def made():
	class Inner(MiddlewareMixin):
		async_capable = False

		@property
		def name(self):
			return "shop"

		def __call__(self, request):
			response = self.get_response(request)
			response["X-Shop"] = self.name
			return response

	return Inner


class Base(MiddlewareMixin):
    async_capable = False

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Heir(Base):
    pass


class SaysNo(MiddlewareMixin):
    async_capable = False

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response
