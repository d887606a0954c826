"""A view of Django REST framework."""

from django.http import StreamingHttpResponse
from rest_framework.views import APIView


def rows():
    yield "a"


class Rows(APIView):
    def get(self, request):
        return StreamingHttpResponse(rows())  # left alone: a request of Django REST framework does not tell
