"""The application of Django's settings, and routers; the names of ``channels.routing``."""

from importlib import import_module
from typing import Any, Final

from hybrid.bridge.routing import ChannelNameRouter, ProtocolTypeRouter
from hybrid.bridge.url_router import URLRouter

__all__ = ["ChannelNameRouter", "ProtocolTypeRouter", "URLRouter", "get_default_application"]

_settings: Final[Any] = import_module("django.conf").settings


def get_default_application() -> Any:
    """Return the application that ``ASGI_APPLICATION`` names.

    Raises:
        django.core.exceptions.ImproperlyConfigured: it names none, or one that cannot be imported.
    """
    wrong: Any = import_module("django.core.exceptions").ImproperlyConfigured
    named = getattr(_settings, "ASGI_APPLICATION", None)
    module, _, name = named.rpartition(".") if isinstance(named, str) else ("", "", "")
    if not module:
        raise wrong(
            "ASGI_APPLICATION must be the dotted path of an application, such as mysite.asgi.application"
        )
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise wrong(f"ASGI_APPLICATION: cannot import {module!r}: {error}") from error
    except AttributeError:
        raise wrong(f"ASGI_APPLICATION: the module {module!r} has no {name!r}") from None
