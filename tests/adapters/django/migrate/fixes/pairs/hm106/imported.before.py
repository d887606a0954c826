from django.db import (
    IntegrityError,  # of the cart
    models,
)
from django.db.transaction import atomic
from django.http import HttpResponse


async def cart(request):  # view: default
    return HttpResponse((IntegrityError, models, atomic))
