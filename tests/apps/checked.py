"""The other applications of this folder, each request checked as wsgiref.validate checks a server's.

`tests.apps.checked:NAME` is `tests.apps.wsgi_NAME:app`. What the applications do is their own affair: many
are here to break rules. That environ, input and errors keep them is asserted before each call.
"""

import warnings
from collections.abc import Iterable
from importlib import import_module
from wsgiref import validate
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

warnings.simplefilter("ignore", validate.WSGIWarning)  # about methods that it has not heard of


def __getattr__(name: str) -> WSGIApplication:
    """Give the application of a name."""
    if name.startswith("__"):
        raise AttributeError(name)
    application: WSGIApplication = import_module(f"tests.apps.wsgi_{name}").app

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        validate.check_environ(environ)  # type: ignore[attr-defined] # not in typeshed
        return application(environ, start_response)

    return checked
