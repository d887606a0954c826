"""A META that is not the one of the server."""


def middleware(request):
    request.META = {"shop": request.environ["shop"]}  # left alone: META of a request is set in this module
