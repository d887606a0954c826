"""The user of a request, and a lock, whose type is only in texts."""

import threading

_here = threading.local()


def middleware(request, lock: "threading.Lock | None" = None):
    _here.user = request.user
