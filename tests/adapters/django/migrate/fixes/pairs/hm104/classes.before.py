"""Middleware with a ``__call__`` of its own."""

from django.middleware.common import CommonMiddleware
from django.utils.deprecation import MiddlewareMixin


class Plain(MiddlewareMixin):
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Told(MiddlewareMixin):
    """Has a docstring."""
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class WithAttributes(CommonMiddleware):
    """Has attributes."""

    # Of the shop.
    name = "shop"

    def __call__(self, request):
        response = super().__call__(request)
        response["X-Shop"] = self.name
        return response


class Commented(MiddlewareMixin):  # of old

    # Stamps.
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class SaysSo(MiddlewareMixin):
    sync_capable = True
    async_capable = True  # since it was easy

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


class Annotated(MiddlewareMixin):
    async_capable: bool = True

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Shop"] = "1"
        return response


def made():
	class Inner(MiddlewareMixin):

		@property
		def name(self):
			return "shop"

		def __call__(self, request):
			response = self.get_response(request)
			response["X-Shop"] = self.name
			return response

	return Inner


class Base(MiddlewareMixin):
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
