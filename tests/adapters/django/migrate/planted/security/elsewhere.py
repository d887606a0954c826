"""HM205, from another module."""

from django.http import HttpResponse

from security import tenants
from security.tenants import get_calm_tenant, get_tenant


async def reads_from_here(request):
    tenant = get_tenant()  # HM205
    other = tenants._state.tenant  # HM205
    third = get_calm_tenant()  # not HM205
    return HttpResponse([tenant, other, third])
