"""HM305 and HM306."""

import io
from wsgiref.util import FileWrapper

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse


class Export(StreamingHttpResponse):
    pass


def rows():
    yield b"1"
    yield b"2"


async def later():
    yield b"1"
    yield b"2"


async def first_only():
    return b"1"


def generator(request):
    return StreamingHttpResponse(rows())  # HM305


def expression(request):
    return StreamingHttpResponse((each for each in (b"1", b"2")), content_type="text/csv")  # HM305


def by_name(request):
    content = rows()
    return StreamingHttpResponse(streaming_content=content)  # HM305


def nested(request):
    def inner():
        yield b"1"

    return Export(inner())  # HM305


def mapped(request):
    return StreamingHttpResponse(map(bytes, range(3)))  # HM305


def opened(request):
    return FileResponse(open("report.pdf", "rb"))  # HM305


def wrapped(request):
    with open("report.pdf", "rb") as file:
        return StreamingHttpResponse(FileWrapper(file))  # HM305


def stored(request, document):
    return FileResponse(document.file)  # HM305


class OwnFile(FileResponse):
    def _set_streaming_content(self, value):
        super()._set_streaming_content(parts_of(value))


def in_parts(request, document):
    return OwnFile(document.file)  # not HM305


def in_a_text(request):
    style = f"/* {request.path} */" + colours()
    return FileResponse(style, content_type="text/css")  # not HM305


def in_memory(request):
    output = io.BytesIO(b"1")
    return FileResponse(output)  # not HM305


def written(request, buffer):
    return FileResponse(buffer)  # not HM305


def a_list(request):
    return StreamingHttpResponse([b"1", b"2"])  # not HM305 HM306


def whole(request):
    return HttpResponse(rows())  # not HM305


async def asynchronous(request):
    return StreamingHttpResponse(later())  # HM306


async def asynchronous_expression(request):
    return StreamingHttpResponse(each async for each in later())  # HM306


async def for_either(request):
    if isinstance(request, ASGIRequest):
        return StreamingHttpResponse(later())  # not HM306
    return StreamingHttpResponse(rows())  # not HM305


async def awaited(request):
    return HttpResponse(await first_only())  # not HM306


async def on_a_thread(request):
    content = await sync_to_async(rows)()
    return HttpResponse(content)  # not HM305
