"""HM409."""

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.dispatch import receiver


@receiver(request_finished)
def compares(sender, **kwargs):
    if sender is not WSGIHandler:  # HM409
        return None
    return sender


@receiver(request_finished, sender=WSGIHandler)  # HM409
def connected(sender, **kwargs):
    return sender


@receiver(request_finished)
def takes_both(sender, **kwargs):
    if sender in (WSGIHandler, ASGIHandler):  # not HM409
        return sender
    return isinstance(sender, WSGIHandler) or issubclass(sender, ASGIHandler)  # not HM409


def makes_one():
    return WSGIHandler()  # not HM409
