"""What ``BaseHandler.load_middleware`` makes of MIDDLEWARE, worked out from facts.

Django 4.2 to 6.1 build the chain by the same rules; what differs between them is how they send
``request_started`` (``django.core.handlers``, ``django.utils.deprecation``, ``django.dispatch``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hybrid.adapters.django.migrate.chain.grouping import grouped
from hybrid.adapters.django.migrate.chain.model import Chain, Hop, Kind, Lane, Layer, Purpose
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, ReceiverFact

#: The first that sends ``request_started`` on the loop, and needs a thread for synchronous receivers alone.
_SENDS_ON_LOOP: Final = (5, 0)


def chain_of(lane: Lane, facts: Facts, middleware: Sequence[MiddlewareFact] | None = None) -> Chain:
    """Return the chain of a lane.

    Args:
        lane: which.
        facts: of the project.
        middleware: another list than that of the facts.
    """
    entries = facts.middleware if middleware is None else middleware
    is_async = lane is not Lane.WSGI
    built = _Built(is_async, is_async)
    for each in reversed(entries):
        if each.used:
            is_sync = lane is Lane.HYBRID and each.taken_sync
            built.add(replace(each, async_capable=False) if is_sync else each)
    top = _adapter(is_async, built.says_async)
    layers = tuple(reversed(built.layers))
    if lane is Lane.HYBRID:
        layers = grouped(layers, {each.path: each for each in entries})
    return Chain(
        lane,
        layers,
        top,
        around=tuple(_around(lane, facts)),
        views=_views(is_async),
        template=tuple(_template(is_async, entries)),
        error=built.error,
    )


@dataclass
class _Built:
    """What has been built, from the inside.

    Attributes:
        says_async: whether Django takes it for asynchronous, by what the outermost layer says of itself.
        is_async: whether it is: what a middleware finds that looks at what it is given.
    """

    says_async: bool
    is_async: bool
    layers: list[Layer] = field(default_factory=list[Layer])
    error: str = ""

    def __post_init__(self) -> None:
        self._handler_is_async = self.is_async

    def add(self, fact: MiddlewareFact) -> None:
        """Put a middleware around it."""
        if not fact.sync_capable and not fact.async_capable:
            self.error = self.error or f"{fact.path} says that it is neither synchronous nor asynchronous"
            return
        mode = fact.async_capable and not (fact.sync_capable and not self.says_async)
        adapter = _adapter(mode, self.says_async)
        given_async = self.is_async if adapter is None else mode
        becomes = fact.becomes_async and (given_async or _is_async_anyway(fact))
        hops = tuple(_hops(fact, self._handler_is_async, becomes=becomes))
        as_said = given_async == mode  # otherwise what is inside of it is to blame
        problem = _problem(fact, mode, becomes) if as_said else ""
        self.layers.append(Layer(fact.path, mode, adapter, hops, problem=problem, becomes_async=becomes))
        self.says_async, self.is_async = mode, becomes


def _adapter(wanted: bool, given: bool) -> Kind | None:
    if wanted == given:
        return None
    return Kind.TO_THREAD if wanted else Kind.TO_LOOP


def _is_async_anyway(fact: MiddlewareFact) -> bool:
    """Tell whether a middleware is a coroutine function whatever it is given."""
    return not fact.sync_capable or not (fact.dual or fact.is_mixin)


def _hops(fact: MiddlewareFact, handler_is_async: bool, *, becomes: bool) -> Iterator[Hop]:
    if fact.is_mixin and becomes and (fact.own_call is None or fact.calls_super_call):
        for purpose in (Purpose.REQUEST, Purpose.RESPONSE):
            if fact.hooks.get(purpose) is False:
                yield Hop(Kind.TO_THREAD, purpose, fact.path)
    hook_is_async = fact.hooks.get(Purpose.VIEW_HOOK, handler_is_async)
    kind = _adapter(handler_is_async, hook_is_async)
    if kind is not None:
        yield Hop(kind, Purpose.VIEW_HOOK, fact.path)


def _problem(fact: MiddlewareFact, mode: bool, becomes: bool) -> str:
    """Say why requests fail here: what a layer says of itself is not what it is."""
    if fact.call_is_async and not mode:
        return "its __call__ is a coroutine function, which nobody awaits here"
    if fact.call_is_async and not becomes:
        return (
            "its __call__ is a coroutine function, but it is not marked as one, as what is around it expects"
        )
    if mode and not becomes:
        return "it says that it can be asynchronous, but what it makes is no coroutine function"
    if not mode and becomes:
        return "it says that it can be synchronous, but what it makes is a coroutine function"
    if mode and fact.keeps_response and not (fact.call_is_async or fact.dual):
        return "its own __call__ is synchronous, and finds a coroutine where it looks for a response"
    if mode and fact.is_mixin and (fact.hooks.get(Purpose.REQUEST) or fact.hooks.get(Purpose.RESPONSE)):
        return "MiddlewareMixin cannot call a coroutine function as process_request or process_response"
    return ""


def _around(lane: Lane, facts: Facts) -> Iterator[Hop]:
    started = [each for each in facts.receivers if each.signal == Purpose.STARTED]
    finished = [each for each in facts.receivers if each.signal == Purpose.FINISHED]
    if lane is Lane.WSGI:
        yield from _sent(started, Purpose.STARTED)
    elif _version(facts) < _SENDS_ON_LOOP or not all(each.is_async for each in started):
        yield Hop(Kind.TO_THREAD, Purpose.STARTED)
    if lane is not Lane.WSGI:
        yield Hop(Kind.TO_THREAD, Purpose.CLOSE)
    yield from _sent(finished, Purpose.FINISHED)


def _sent(receivers: Sequence[ReceiverFact], purpose: Purpose) -> Iterator[Hop]:
    """Give the hop of a signal that is sent by a thread: to all asynchronous receivers together."""
    if any(each.is_async for each in receivers):
        yield Hop(Kind.TO_LOOP, purpose)


def _views(handler_is_async: bool) -> tuple[tuple[Hop, ...], tuple[Hop, ...]]:
    if handler_is_async:
        return (Hop(Kind.TO_THREAD, Purpose.VIEW),), ()
    return (), (Hop(Kind.TO_LOOP, Purpose.VIEW),)


def _template(handler_is_async: bool, entries: Sequence[MiddlewareFact]) -> Iterator[Hop]:
    for each in entries:
        is_async = each.hooks.get(Purpose.TEMPLATE, handler_is_async)
        kind = _adapter(handler_is_async, is_async)
        if each.used and kind is not None:
            yield Hop(kind, Purpose.TEMPLATE, each.path)
    if handler_is_async:
        yield Hop(Kind.TO_THREAD, Purpose.RENDER)


def _version(facts: Facts) -> tuple[int, ...]:
    digits = facts.versions.get("django", "5.2").split(".")[:2]
    return tuple(int(each) for each in digits if each.isdecimal())
