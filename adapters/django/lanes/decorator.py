"""Saying at a view where it runs. Django is not imported for it."""

from collections.abc import Callable
from typing import Final, Literal, TypeVar

from hybrid.bridge.errors import ConfigError

View = TypeVar("View", bound=Callable[..., object])
LaneName = Literal["wsgi", "asgi"]

#: The attribute of a view that says its lane. Decorators that use :func:`functools.wraps` pass it on.
LANE_ATTRIBUTE: Final = "__hybrid_lane__"


def lane(name: LaneName) -> Callable[[View], View]:
    """Let a view run on a lane: ``@hybrid.lane("asgi")``, on a function or on the class of a view.

    ``"wsgi"`` is a thread of the pool, ``"asgi"`` the event loop, from which Django gives synchronous code to
    threads. Under any other server, and in tests, it changes nothing.

    Raises:
        ConfigError: there is no such lane.
    """
    if name not in ("wsgi", "asgi"):
        raise ConfigError(f"there is no lane {name!r}: there are wsgi and asgi")

    def mark(view: View) -> View:
        setattr(view, LANE_ATTRIBUTE, name)
        return view

    return mark
