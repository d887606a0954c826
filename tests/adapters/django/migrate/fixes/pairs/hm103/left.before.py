"""Receivers that need what they are not sent."""

from django.core.signals import request_started
from django.dispatch import receiver


@receiver(request_started)
def uses(sender, environ, **kwargs):  # left alone: line 9 needs environ
    print(environ["HTTP_HOST"])


@receiver(request_started)
def uses_within(sender, environ, **kwargs):  # left alone: line 15 needs environ
    def inner():
        return environ["HTTP_HOST"]

    print(inner())


@receiver(request_started)
def asks_too_much(sender, environ, **kwargs):  # left alone: line 22 needs environ
    if environ["HTTP_HOST"] and environ:
        print("a")


@receiver(request_started)
def asks_for_none(sender, environ, **kwargs):  # left alone: line 29 needs environ
    if environ is None:
        print(environ["HTTP_HOST"])


@receiver(request_started)
def positional(sender, environ, /, **kwargs):  # left alone: environ is positional only
    pass


@receiver(request_started)
def taken(sender, environ, kwargs=None):  # left alone: a parameter is called kwargs
    pass
