# Threads of both kinds.
import logging
import threading as t
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asgiref.local import Local

_here: "Local"
lock = t.Lock()
state = t.local()


def remember(request):
    with lock:
        state.request = request
