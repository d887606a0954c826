"""Views that stream."""

import csv
import itertools

from django.http import StreamingHttpResponse
from django.views import View


def rows(number):
    for each in range(number):
        yield f"row {each}\n"


def by_function(request):
    return StreamingHttpResponse(rows(3), content_type="text/plain")


def by_expression(request):
    return StreamingHttpResponse(f"{each}\n" for each in range(3))


def by_name(request, number=2):
    parts = rows(number)
    response = StreamingHttpResponse(streaming_content=parts)
    response["X-Parts"] = "2"
    return response


def by_library(request):
    return StreamingHttpResponse(
        itertools.chain(
            ["head\n"],  # first
            rows(2),
        ),
        status=201,
    )


def a_file(request):
    return StreamingHttpResponse(open(csv.__file__, "rb"))


class Echo:
    def write(self, value):
        return value


class Table(View):
    def get(self, request):
        return self.answer()

    def answer(self):
        writer = csv.writer(Echo())
        return StreamingHttpResponse((writer.writerow([each]) for each in range(3)), content_type="text/csv")


async def asynchronous(request):
    return StreamingHttpResponse(rows(2))


def nested(request):
    def parts():
        yield "a"
        yield "b"

    return StreamingHttpResponse(parts())


made = []


def noted():
    try:
        for each in "ab":
            made.append(each)
            yield each
    finally:
        made.append("end")


def one_by_one(request):
    return StreamingHttpResponse(noted())
