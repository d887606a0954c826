"""HM205 and HM401."""

import threading

from asgiref.local import Local
from asgiref.sync import sync_to_async
from django.http import HttpResponse

try:
    from asgiref.local import Local as local
except ImportError:
    from threading import local

_state = threading.local()  # HM401
_calm = Local()  # not HM401
_either = local()  # not HM401
_connections = threading.local()  # not HM401


class Current(threading.local):
    language = None


current = Current()  # HM401


def set_tenant(tenant):
    _state.tenant = tenant
    _calm.tenant = tenant
    _either.tenant = tenant


def get_tenant():
    return getattr(_state, "tenant", None)


def get_calm_tenant():
    return getattr(_calm, "tenant", None)


def connection():
    if not hasattr(_connections, "client"):
        _connections.client = object()
    return _connections.client


def keep_language(request):
    current.language = request.headers.get("Accept-Language")
    return HttpResponse()


async def reads(request):
    tenant = get_tenant()  # HM205
    other = _state.tenant  # HM205
    third = getattr(_state, "tenant", None)  # HM205
    return HttpResponse([tenant, other, third])


async def reads_what_follows(request):
    tenant = get_calm_tenant()  # not HM205
    other = await sync_to_async(get_tenant)()  # not HM205
    third = _connections.client  # not HM205
    return HttpResponse([tenant, other, third])


def reads_in_a_thread(request):
    return HttpResponse(get_tenant())  # not HM205


last_request = None
counter = 0


def remember(request):
    global last_request
    last_request = request  # HM401
    return HttpResponse()


def count(request):
    global counter
    counter = counter + 1  # not HM401
    return HttpResponse()


class Registry:
    user = None
    made = None


def register(request):
    Registry.user = request.user  # HM401
    Registry.made = object()  # not HM401
    request.registry = Registry  # not HM401
    return HttpResponse()
