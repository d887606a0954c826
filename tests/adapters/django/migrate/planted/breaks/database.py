"""HM107 and HM109."""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from breaks.models import Order, Proxy

User = get_user_model()


def total():
    return sum(order.total for order in Order.objects.all())


def lazy():
    return Order.objects.filter(paid=True)


@sync_to_async
def total_on_a_thread():
    return Order.objects.count()


async def queries(request, pk):
    order = Order.objects.get(pk=pk)  # HM107
    number = Order.objects.filter(paid=True).count()  # HM107
    other = await Order.objects.get(pk=pk)  # HM107
    user = User.objects.first()  # HM107
    found = get_object_or_404(Order, pk=pk)  # HM107
    orders = Order.objects.order_by("pk")
    for each in orders:  # HM107
        number += each.total
    rows = [each.total for each in Order.objects.all()]  # HM107
    listed = list(orders[:10])  # HM107
    number += total()  # HM107
    return render(request, "orders.html", {"orders": orders})  # HM107


async def saves(request):
    order = await Order.objects.afirst()
    order.save()  # HM107
    order.total = 3
    await order.asave()  # not HM107
    form = request.POST.copy()
    form.save()  # not HM107
    return HttpResponse(order)


async def lazy_parts(request):
    name = request.user.username  # HM107
    cart = request.session["cart"]  # HM107
    user = await request.auser()  # not HM107
    return HttpResponse([name, cart, user])


async def loaded_before(request):
    user = await request.auser()
    seen = request.session.get("seen")  # not HM107
    return HttpResponse([user, seen, request.user])  # HM107


async def loaded_by_itself(request):
    cart = await request.session.aget("cart")
    request.session.setdefault("seen", [])  # not HM107
    return HttpResponse(cart)


async def asynchronous(request, pk):
    order = await Order.objects.aget(pk=pk)  # not HM107
    number = await sync_to_async(Order.objects.count)()  # not HM107
    other = await sync_to_async(lambda: Order.objects.get(pk=pk))()  # not HM107
    found = await sync_to_async(get_object_or_404)(Order, pk=pk)  # not HM107
    all_of_them = Order.objects.all()  # not HM107
    async for each in all_of_them:  # not HM107
        number += each.total
    rows = [each async for each in Order.objects.all()]  # not HM107
    number += await sync_to_async(total)()  # not HM107
    number += await total_on_a_thread()  # not HM107
    number += Proxy.objects.get("key", 0)  # not HM107
    later = lazy()  # not HM107

    @sync_to_async
    def together():
        return Order.objects.get(pk=pk)  # not HM107

    return HttpResponse([order, other, found, rows, later, await together()])


def synchronous(request, pk):
    return HttpResponse(Order.objects.get(pk=pk))  # not HM107


async def transactions(request, pk):
    with transaction.atomic():  # HM109
        pass
    async for order in Order.objects.select_for_update():  # HM109
        await order.asave()
    return HttpResponse()


@transaction.atomic
async def decorated(request):  # HM105 HM109
    return HttpResponse()


@sync_to_async
def pay(pk):
    with transaction.atomic():  # not HM109
        order = Order.objects.select_for_update().get(pk=pk)  # not HM109
        order.save()


@transaction.atomic
def synchronous_and_atomic(request):  # not HM109
    return HttpResponse()


async def behind(request, pk):
    await sync_to_async(transaction.atomic(lambda: None))()  # not HM109
    await pay(pk)
    return HttpResponse()
