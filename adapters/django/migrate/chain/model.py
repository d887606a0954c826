"""What a chain of middleware is: its layers, and what a request pays on its way."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """By what a request is served."""

    WSGI = "wsgi"
    """Django's ``WSGIHandler``: a thread."""
    ASGI = "asgi"
    """Django's ``ASGIHandler``: the event loop."""
    HYBRID = "hybrid"
    """The asgi lane of hybrid: Django's handler with middleware that goes together."""


class Kind(StrEnum):
    """Which way a hop goes."""

    TO_THREAD = "sync_to_async"
    """The loop waits for a thread."""
    TO_LOOP = "async_to_sync"
    """A thread waits for the loop, or for one of its own."""


class Purpose(StrEnum):
    """What a hop is for."""

    STARTED = "request_started"
    FINISHED = "request_finished"
    ADAPTER = "adapter"
    """Between two layers of different kinds."""
    REQUEST = "process_request"
    RESPONSE = "process_response"
    VIEW_HOOK = "process_view"
    TEMPLATE = "process_template_response"
    RENDER = "render"
    GROUP = "group"
    """Of hybrid's: several layers together."""
    VIEW = "view"
    CLOSE = "close"


@dataclass(frozen=True)
class Hop:
    """A change between a thread and the event loop.

    Attributes:
        layer: the path of the middleware that it is for; ``""`` for the handler.
    """

    kind: Kind
    purpose: Purpose
    layer: str = ""


@dataclass(frozen=True)
class Layer:
    """One middleware of a chain.

    Attributes:
        path: as in the settings.
        is_async: whether it runs on the loop, as Django has decided.
        adapter: what stands between it and what is inside of it.
        hops: those that a request pays here, on its way in and out.
        group: which group of hybrid's it is in; 0 for none.
        problem: why requests fail, or may fail, here on this lane.
        becomes_async: whether it really is a coroutine function, whatever Django has decided.
    """

    path: str
    is_async: bool
    adapter: Kind | None = None
    hops: tuple[Hop, ...] = ()
    group: int = 0
    problem: str = ""
    becomes_async: bool = False


@dataclass(frozen=True)
class Chain:
    """The whole of it.

    Attributes:
        layers: from the outside to the inside.
        top: what stands between the handler and the outermost layer.
        around: hops that every request pays: signals, closing.
        views: what a view costs by itself: a synchronous one, and an asynchronous one.
        template: what a ``TemplateResponse`` costs on top.
        error: why Django cannot build it; then nothing else counts.
    """

    lane: Lane
    layers: tuple[Layer, ...] = ()
    top: Kind | None = None
    around: tuple[Hop, ...] = ()
    views: tuple[tuple[Hop, ...], tuple[Hop, ...]] = ((), ())
    template: tuple[Hop, ...] = ()
    error: str = ""

    def hops(self, *, is_async: bool, template: bool = False) -> tuple[Hop, ...]:
        """Return what a request for a view of this kind pays."""
        return tuple(self._hops(self.views[is_async], self.template if template else ()))

    def _hops(self, *more: Iterable[Hop]) -> Iterator[Hop]:
        yield from self.around
        if self.top is not None:
            yield Hop(self.top, Purpose.ADAPTER)
        for layer in self.layers:
            if layer.adapter is not None:
                yield Hop(layer.adapter, Purpose.ADAPTER, layer.path)
            yield from layer.hops
        for each in more:
            yield from each

    @property
    def holds_thread(self) -> str:
        """The layer that keeps a thread waiting while an asynchronous view runs; ``""`` where none does."""
        if self.lane is Lane.WSGI:
            return ""
        return next((each.path for each in self.layers if each.adapter is Kind.TO_LOOP), "")

    @property
    def problems(self) -> tuple[Layer, ...]:
        """The layers at which requests fail, or may fail."""
        return tuple(each for each in self.layers if each.problem)


def counted(hops: Iterable[Hop]) -> Counter[tuple[str, str]]:
    """Count hops by kind and purpose."""
    return Counter((each.kind.value, each.purpose.value) for each in hops)
