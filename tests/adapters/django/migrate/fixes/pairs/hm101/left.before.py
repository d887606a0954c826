"""What only WSGI servers set is on neither of the two."""


def scheme(request):
    return request.environ["wsgi.url_scheme"]  # left alone: to be done by hand: only WSGI servers set wsgi.url_scheme


def body(request):
    if "wsgi.input" in request.environ:  # left alone: to be done by hand: only WSGI servers set wsgi.input
        return request.environ.get("wsgi.input")  # left alone: to be done by hand: only WSGI servers set wsgi.input


BODY = "wsgi.input"
ADDRESS = "REMOTE_ADDR"


def body_by_name(request):
    return request.environ[BODY].read()  # left alone: to be done by hand: only WSGI servers set wsgi.input


def body_by_both_names(request):
    return getattr(request, "environ")[BODY]  # left alone: to be done by hand: only WSGI servers set wsgi.input
