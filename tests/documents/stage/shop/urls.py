from django.http import HttpResponse
from django.urls import include, path


def cart(request):
    """Be synchronous."""
    return HttpResponse("a cart\n")


def legacy(request):
    """Be synchronous too."""
    return HttpResponse("as ever\n")


async def live(request):
    """Be a coroutine."""
    return HttpResponse("on the loop\n")


shop = ([path("", cart, name="cart"), path("live/", live, name="live")], "shop")
desk = ([path("tickets/", cart, name="tickets"), path("systems/", live, name="systems")], "desk")
urlpatterns = [path("cart/", include(shop)), path("desk/", include(desk)), path("legacy/", legacy)]
