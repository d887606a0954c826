"""An application on a pool of one thread: whoever keeps the thread keeps everybody."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.apps.wsgi_endless import app as endless
from tests.apps.wsgi_stepping import app as stepping


def _app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hand over to one that waits, to one that never ends, or answer at once."""
    if "/stepping/" in environ["PATH_INFO"]:
        return stepping(environ, start_response)
    if "/endless/" in environ["PATH_INFO"]:
        return endless(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the thread is free"]


app = WSGIToASGI(_app, pool=ThreadPool(1, queue=2, name="one"))
