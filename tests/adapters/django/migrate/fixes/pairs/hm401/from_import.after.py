from __future__ import annotations

from threading import Lock

import django
from asgiref.local import Local

_state = Local()
_lock = Lock()


def remember(request):
    with _lock:
        setattr(_state, "tenant", request.tenant)
