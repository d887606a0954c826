"""The user of a request, and a lock, whose type is only in texts."""

import threading

from asgiref.local import Local

_here = Local()


def middleware(request, lock: "threading.Lock | None" = None):
    _here.user = request.user
