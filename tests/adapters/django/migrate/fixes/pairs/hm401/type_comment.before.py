"""The user of a request, and a lock, whose type is only in a comment."""

import threading

_here = threading.local()


def middleware(request):
    lock = None  # type: threading.Lock | None
    _here.user = request.user
    return lock
