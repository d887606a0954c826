"""WSGI applications made available to an asynchronous server."""
