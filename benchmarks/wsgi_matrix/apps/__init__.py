"""One WSGI application that is many: the path says which of the small ones answers."""

from collections.abc import Iterable
from inspect import isfunction
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from benchmarks.wsgi_matrix.apps import bodies, requests, responses

APPLICATIONS: dict[str, WSGIApplication] = {
    name.replace("_", "-"): application
    for module in (bodies, requests, responses)
    for name, application in vars(module).items()
    if isfunction(application) and application.__module__ == module.__name__ and not name.startswith("_")
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hand over to the application that the path names, wherever in it that is."""
    for segment in environ["PATH_INFO"].split("/"):
        if application := APPLICATIONS.get(segment):
            return application(environ, start_response)
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no such application"]
