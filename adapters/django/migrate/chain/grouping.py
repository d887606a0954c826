"""What hybrid's asgi lane makes of Django's chain: see :mod:`hybrid.adapters.django.lanes.middleware`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.chain.model import Hop, Kind, Layer, Purpose
from hybrid.adapters.django.migrate.project.facts import MiddlewareFact

_CSRF: Final = "django.middleware.csrf.CsrfViewMiddleware"


def grouped(layers: Sequence[Layer], facts: Mapping[str, MiddlewareFact]) -> tuple[Layer, ...]:
    """Return the layers with the hops that they cost for a method that is safe, such as GET.

    What stands side by side and does all that it does in ``process_request`` and ``process_response`` goes
    together. Behind what is no MiddlewareMixin nothing is grouped, as nobody can look into it.
    """
    result = [_without_csrf(each, facts[each.path]) for each in layers]
    number = begin = 0
    while begin < len(result):
        end = begin
        while end < len(result) and _goes_with_others(result, end, facts, begin):
            end += 1
        if end - begin >= 2:
            number += 1
            result[begin:end] = _together(result[begin:end], number)
        if end >= len(result) or not _can_look_behind(result[end], facts[result[end].path]):
            break
        begin = end + 1
    return tuple(result)


def _goes_with_others(
    layers: Sequence[Layer], index: int, facts: Mapping[str, MiddlewareFact], begin: int
) -> bool:
    fact = facts[layers[index].path]
    within = index == begin or layers[index - 1].adapter is None
    plain = not (fact.hooks.get(Purpose.REQUEST) or fact.hooks.get(Purpose.RESPONSE))
    return within and fact.is_mixin and layers[index].becomes_async and fact.own_call is None and plain


def _can_look_behind(layer: Layer, fact: MiddlewareFact) -> bool:
    return fact.is_mixin and layer.becomes_async and layer.adapter is None


def _together(layers: Sequence[Layer], number: int) -> list[Layer]:
    """Give the hops in and out to the first of a group; each keeps that before the view."""
    group = Hop(Kind.TO_THREAD, Purpose.GROUP, layers[0].path)
    result: list[Layer] = []
    for each in layers:
        kept = tuple(hop for hop in each.hops if hop.purpose is Purpose.VIEW_HOOK)
        result.append(replace(each, hops=kept if result else (group, group, *kept), group=number))
    return result


def _without_csrf(layer: Layer, fact: MiddlewareFact) -> Layer:
    """Check CSRF on the loop, which it is for safe methods where the class is Django's own."""
    if fact.bases[:1] != (_CSRF,):
        return layer
    return replace(layer, hops=tuple(hop for hop in layer.hops if hop.purpose is not Purpose.VIEW_HOOK))
