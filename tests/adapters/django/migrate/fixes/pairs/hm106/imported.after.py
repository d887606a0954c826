from django.db import (
    IntegrityError,  # of the cart
    models,
    transaction,
)
from django.db.transaction import atomic
from django.http import HttpResponse


@transaction.non_atomic_requests
async def cart(request):  # view: default
    return HttpResponse((IntegrityError, models, atomic))
