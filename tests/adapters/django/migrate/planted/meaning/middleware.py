"""HM411 and HM413."""

from contextvars import ContextVar

from django.utils.deprecation import MiddlewareMixin

language = ContextVar("language", default="en")


class ByHost(MiddlewareMixin):
    def process_request(self, request):
        if request.get_host().startswith("api."):
            request.urlconf = "meaning.urls"  # HM411

    def process_response(self, request, response):
        response["X-Urlconf"] = getattr(request, "urlconf", "")  # not HM411
        return response


class Tokens(MiddlewareMixin):
    def process_request(self, request):
        request.token = language.set("de")

    def process_response(self, request, response):
        language.reset(request.token)  # HM413
        return response


class Around:
    def __init__(self, get_response):
        self.get_response = get_response
        self.urlconf = "meaning.urls"  # not HM411

    def __call__(self, request):
        token = language.set("de")
        try:
            return self.get_response(request)
        finally:
            language.reset(token)  # not HM413


class Counts(MiddlewareMixin):
    def process_response(self, request, response):
        response.counter.reset(3)  # not HM413
        return response
