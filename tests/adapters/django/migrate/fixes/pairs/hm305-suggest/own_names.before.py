"""A module that has it already, but for one view."""

from asgiref.sync import sync_to_async as in_thread
from django.core.handlers import asgi
from django.http import StreamingHttpResponse


def rows():
    yield "a"


def view(http_request):
    return StreamingHttpResponse(rows())


if __name__ == "__main__":
    print(in_thread, asgi)
