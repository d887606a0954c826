"""Views that stream."""

import csv
import itertools

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.views import View


def rows(number):
    for each in range(number):
        yield f"row {each}\n"


def by_function(request):
    return _streamed(request, StreamingHttpResponse(rows(3), content_type="text/plain"))


def by_expression(request):
    return _streamed(request, StreamingHttpResponse(f"{each}\n" for each in range(3)))


def by_name(request, number=2):
    parts = rows(number)
    response = _streamed(request, StreamingHttpResponse(streaming_content=parts))
    response["X-Parts"] = "2"
    return response


def by_library(request):
    return _streamed(request, StreamingHttpResponse(
        itertools.chain(
            ["head\n"],  # first
            rows(2),
        ),
        status=201,
    ))


def a_file(request):
    return _streamed(request, StreamingHttpResponse(open(csv.__file__, "rb")))


class Echo:
    def write(self, value):
        return value


class Table(View):
    def get(self, request):
        return self.answer()

    def answer(self):
        writer = csv.writer(Echo())
        return _streamed(self.request, StreamingHttpResponse((writer.writerow([each]) for each in range(3)), content_type="text/csv"))


async def asynchronous(request):
    return _streamed(request, StreamingHttpResponse(rows(2)))


def nested(request):
    def parts():
        yield "a"
        yield "b"

    return _streamed(request, StreamingHttpResponse(parts()))


made = []


def noted():
    try:
        for each in "ab":
            made.append(each)
            yield each
    finally:
        made.append("end")


def one_by_one(request):
    return _streamed(request, StreamingHttpResponse(noted()))


def _streamed(request, response):
    """Return a response that streams on ASGI too: Django would collect what is synchronous first."""
    if isinstance(request, ASGIRequest) and not response.is_async:
        response.streaming_content = _parts_in_thread(response.streaming_content)
    return response


async def _parts_in_thread(parts):
    """Give what an iterator gives, one by one, each made on the thread of the request."""
    end = object()
    while (part := await sync_to_async(next)(parts, end)) is not end:
        yield part
