"""A name means something else."""

from django.http import StreamingHttpResponse

_streamed = []


def rows():
    yield "a"


def view(request):
    _streamed.append(request)
    return StreamingHttpResponse(rows())  # left alone: the name _streamed means something else there
