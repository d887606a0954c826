"""The same application behind each of the bridges, for an ASGI server."""

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi

from benchmarks.wsgi_matrix.apps import app
from hybrid import WSGIToASGI

hybrid = WSGIToASGI(app)
a2wsgi = WSGIMiddleware(cast("Any", app))  # its own names for the types of PEP 3333
asgiref = WsgiToAsgi(app)  # type: ignore[no-untyped-call]
