"""An environ that is not the one of the server."""


def middleware(request):
    request.environ = {"shop": "here"}
    return request.environ["shop"]  # left alone: environ of a request is set in this module
