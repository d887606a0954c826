"""Requests of other frameworks."""

from werkzeug import Request


def of_werkzeug(request: Request):
    return request.environ  # not HM101
