"""What is left alone."""

from django.http import FileResponse, StreamingHttpResponse


def rows():
    yield "a"


def a_file(request):
    return FileResponse(open(__file__, "rb"))  # left alone: hybrid's lanes let the server send a file


def answer():
    return StreamingHttpResponse(rows())  # left alone: no request is known there


def in_memory(request):
    return StreamingHttpResponse(["a", "b"])


async def parts():
    yield "a"


async def asynchronous(request):
    return StreamingHttpResponse(parts())
