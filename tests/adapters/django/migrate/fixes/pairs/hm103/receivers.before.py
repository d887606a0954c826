"""Receivers of every shape."""

from typing import Any, Optional

from django.core.signals import request_finished, request_started
from django.dispatch import receiver


@receiver(request_started)
def plain(sender, environ, **kwargs):
    print("began")


@receiver([request_started, request_finished])
def annotated(sender: object, environ: dict[str, Any], **kwargs: object) -> None:
    """Its environ is text for type checkers too."""


@receiver(request_started)
def quoted(sender, environ: "WSGIEnvironment", **kwargs): ...


@receiver(request_started)
def optional(sender, environ: Optional[dict], anything: Any = None, **kwargs): ...


@receiver(request_started)
def without_rest(sender, environ, signal):  # left alone: a parameter behind environ has no default
    ...


@receiver(request_started)
def named(sender, *, environ, signal=None):
    # None of it is used.
    pass


@receiver(request_started)
def over_lines(
    sender,  # the handler
    environ,  # of the server
):
    pass


@receiver(request_started)
def over_lines_without_comma(
    sender,
    environ
):
    pass


@receiver(request_started)
def with_more(sender, environ, *args): ...


@receiver(request_started)
async def asynchronous(sender, environ, **kwargs): ...


def connected(sender, environ, **kwargs):
    if environ is not None and "HTTP_HOST" in environ:
        print(environ["HTTP_HOST"])
    print((environ or {}).get("HTTP_HOST"), environ["HTTP_HOST"] if environ else "")


request_started.connect(connected, dispatch_uid="shop")


@receiver(request_started)
def leaves(sender, environ, **kwargs):
    if not environ:
        return
    print(environ["HTTP_HOST"])


@receiver(request_started)
def ready_already(sender, environ=None, **kwargs):
    print(environ)
