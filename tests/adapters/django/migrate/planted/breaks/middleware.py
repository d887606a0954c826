"""HM104."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.middleware.common import CommonMiddleware
from django.utils.deprecation import MiddlewareMixin


class OwnCall(MiddlewareMixin):
    def __call__(self, request):  # HM104
        response = self.get_response(request)
        response["X-Own"] = "1"
        return response


class OfDjangos(CommonMiddleware):
    def __call__(self, request):  # HM104
        if request.path == "/health":
            return self.get_response(None)
        response = super().__call__(request)
        response.headers["X-Common"] = "1"
        return response


class NoInit(MiddlewareMixin):
    def __init__(self, get_response):  # HM104
        self.get_response = get_response


class Marked(MiddlewareMixin):  # HM302
    async_capable = False

    def __call__(self, request):  # not HM104
        response = self.get_response(request)
        response["X-Marked"] = "1"
        return response


class PassesOn(MiddlewareMixin):
    def __call__(self, request):  # not HM104
        request.seen = True
        return self.get_response(request)


class Delegates(CommonMiddleware):
    def __call__(self, request):  # not HM104
        request.delegated = True
        return super().__call__(request)


class Hooks(MiddlewareMixin):
    def __init__(self, get_response):
        super().__init__(get_response)

    def process_response(self, request, response):  # not HM104
        response["X-Hooks"] = "1"
        return response


class Dual(MiddlewareMixin):
    def __call__(self, request):  # not HM104
        if iscoroutinefunction(self):
            return self.later(request)
        response = self.get_response(request)
        response["X-Dual"] = "1"
        return response

    async def later(self, request):
        response = await self.get_response(request)
        response["X-Dual"] = "1"
        return response


class Plain:
    """Django takes it for what it is."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):  # not HM104
        response = self.get_response(request)
        response["X-Plain"] = "1"
        return response


class Native:
    async_capable = True
    sync_capable = False

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):  # not HM104
        return await self.get_response(request)
