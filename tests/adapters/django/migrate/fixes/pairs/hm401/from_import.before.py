from __future__ import annotations

from threading import local, Lock

import django

_state = local()
_lock = Lock()


def remember(request):
    with _lock:
        setattr(_state, "tenant", request.tenant)
