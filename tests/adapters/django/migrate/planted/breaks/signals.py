"""HM111."""

import signal
import threading

from django.http import HttpResponse


def with_time_limit(request):
    signal.signal(signal.SIGALRM, lambda *args: None)  # HM111
    return HttpResponse()


def in_main_thread_alone(request):
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, lambda *args: None)  # not HM111
    return HttpResponse()


def handles(request):
    names = signal.Signals(2).name  # not HM111
    return HttpResponse(names)


async def on_the_loop(request):
    signal.signal(signal.SIGALRM, lambda *args: None)  # not HM111
    return HttpResponse()
