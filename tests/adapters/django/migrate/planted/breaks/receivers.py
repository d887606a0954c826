"""HM103."""

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.dispatch import receiver


@receiver(request_started)
def needs_environ(sender, environ, **kwargs):  # HM103
    return environ


def connected(sender, environ, **kwargs):  # HM103
    return environ


request_started.connect(connected)


@receiver(request_started)
def may_have_environ(sender, environ=None, scope=None, **kwargs):  # not HM103
    return environ or scope


@receiver(request_started, sender=WSGIHandler)  # HM409
def of_wsgi_alone(sender, environ, **kwargs):  # not HM103
    return environ


def connected_for_wsgi(sender, environ, **kwargs):  # not HM103
    return environ


request_started.connect(connected_for_wsgi, sender=WSGIHandler)  # HM409


@receiver(request_finished)
def of_another_signal(sender, environ=None, **kwargs):  # not HM103
    return environ
