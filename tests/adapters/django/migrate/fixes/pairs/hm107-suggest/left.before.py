"""What is left alone."""

from django.contrib.auth.models import User
from django.db import models, transaction
from django.shortcuts import render


class Shops(models.Manager):
    def create(self, **values):
        return super().create(name="a", **values)


class Shop(models.Model):
    name = models.CharField(max_length=10)
    objects = Shops()

    class Meta:
        app_label = "shop"


async def view(request):
    user = User.objects.all()[0]  # left alone: an index has no asynchronous twin
    names = (each.username for each in User.objects.all())  # left alone: it is in a generator expression
    pks = sum(User.objects.filter(pk=each).count() for each in (1, 2))  # left alone: it is in a generator
    locked = User.objects.select_for_update().get(pk=1)  # left alone: the query locks rows
    for each in User.objects.raw("SELECT 1"):  # left alone: raw() gives nothing
        names = each
    objects = User.objects.all().iterator()
    for each in objects:  # left alone: objects is an iterator() made before
        names = each
    made = User(username="a")
    made.full_clean()  # left alone: full_clean() has no asynchronous twin
    shop = Shop.objects.create()  # left alone: shop.code.Shops has a create() of its own
    with transaction.atomic():
        made.save()  # left alone: it is in a transaction
    number = request.session["number"]  # left alone: session[…] raises KeyError
    del request.session["number"]  # left alone: session[…] raises KeyError
    there = bool(User.objects.all())  # left alone: bool() of a query has no asynchronous twin
    request.session["a"] = request.session["b"] = 1  # left alone: it sets an item of the session in a way
    get = request.session.get  # left alone: session.get is handed on: aget gives a coroutine
    page = render(request, "a.html", {"users": User.objects.all()})  # left alone: a template may use more
    return page, user, pks, locked, shop, number, there, get, names


def synchronous(request):
    return list(User.objects.all()), request.user


async def in_threads(request):
    def inner():
        return list(User.objects.all()), request.user

    return inner, lambda: User.objects.first()
