"""`stream_wsgi` behind a2wsgi's bridge with ten threads, for ASGI servers."""

from typing import Any, cast

from a2wsgi import WSGIMiddleware

from benchmarks.apps.stream_wsgi import app as wsgi_app

app = WSGIMiddleware(cast(Any, wsgi_app), workers=10)  # a2wsgi has its own types for PEP 3333
