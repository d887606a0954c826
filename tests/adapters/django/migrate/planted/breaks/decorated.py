"""HM105."""

from functools import wraps

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.http import HttpResponse
from django.views.decorators.cache import never_cache


def stamped(view):
    @wraps(view)
    def inner(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        return response

    return inner


def limited(rate):
    def decorator(view):
        @wraps(view)
        def inner(request, *args, **kwargs):
            request.rate = rate
            return view(request, *args, **kwargs)

        return inner

    return decorator


def both_kinds(view):
    if iscoroutinefunction(view):

        @wraps(view)
        async def later(request, *args, **kwargs):
            return await view(request, *args, **kwargs)

        return later

    @wraps(view)
    def inner(request, *args, **kwargs):
        return view(request, *args, **kwargs)

    return inner


def registered(view):
    view.registered = True
    return view


@stamped
async def behind_stamp(request):  # HM105
    return HttpResponse()


@limited(3)
async def behind_limit(request):  # HM105
    return HttpResponse()


@both_kinds
async def behind_both(request):  # not HM105
    return HttpResponse()


@registered
async def behind_registered(request):  # not HM105
    return HttpResponse()


@never_cache
async def behind_djangos(request):  # not HM105
    return HttpResponse()


@async_to_sync
async def run_on_purpose(request):  # not HM105
    return HttpResponse()


@async_to_sync
@stamped
async def run_around_stamp(request):  # not HM105
    return HttpResponse()


@stamped
@async_to_sync
async def run_within_stamp(request):  # not HM105
    return HttpResponse()


@stamped
def synchronous(request):  # not HM105
    return HttpResponse()


@stamped
async def no_view(order):  # not HM105
    return order
