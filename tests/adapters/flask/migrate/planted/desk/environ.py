import os

from flask import Blueprint, request

pages = Blueprint("environ", __name__)

try:
    import uwsgi  # not HF102
except ImportError:
    uwsgi = None


@pages.get("/raw")
def raw():
    return request.environ["RAW_URI"]  # HF102


@pages.get("/socket")
def socket():
    if "gunicorn.socket" in request.environ:
        return str(request.environ["gunicorn.socket"])  # not HF102
    return str(request.environ.get("wsgi.websocket"))  # HF102


@pages.get("/home")
def home():
    return os.environ["REMOTE_USER"] + request.environ["wsgi.url_scheme"]  # not HF102 HF404


@pages.get("/threads")
def threads():
    return str(request.environ["wsgi.multithread"])  # HF404


@pages.get("/processes")
def processes():
    return str(request.is_multiprocess or request.is_secure)  # HF404
