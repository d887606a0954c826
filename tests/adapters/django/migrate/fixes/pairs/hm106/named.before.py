from django.db import transaction as tx
from django.utils.decorators import method_decorator
from django.views import View


async def cart(request):  # view: default
    with tx.atomic():
        pass


@method_decorator(tx.non_atomic_requests(using="archive"), name="dispatch")
class Shop(View):  # view: default archive  # left alone: several databases matter
    async def get(self, request):
        pass
