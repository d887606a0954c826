import threading
from asgiref.local import Local as HereAndThere

from asgiref.sync import sync_to_async

one = HereAndThere()
two = threading.local()


def remember(request):
    two.request = request
