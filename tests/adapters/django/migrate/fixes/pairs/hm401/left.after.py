"""What is more than a holder of attributes."""

import threading
from threading import local

from werkzeug.local import Local


class State(threading.local):
    user = None


class Holder:
    inside = local()


ours = State()  # left alone: State is a class of the project
whole = local()  # left alone: shop/code.py:26 uses it as a whole
several = local()  # left alone: several is given something else as well
several = local()
free = local()  # left alone: asgiref.local.Local is needed, and the name Local means something else there


def remember(request):
    ours.user = request.user
    whole.__dict__["user"] = request.user
    whole.user = request.user
    several.user = request.user
    free.user = request.user
