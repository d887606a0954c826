"""Parts of requests in coroutines."""

from django.contrib.auth.models import Permission
from django.http import JsonResponse
from django.views import View


async def view(request):
    if not (await request.auser()).is_authenticated:
        await request.session.aset("next", request.path)
        return JsonResponse({})
    number = await request.session.aget("number", 0)
    for each in (1, 2):
        await request.session.aset("number", number + each); number += 1
    await request.session.asetdefault("first", 1)
    all_of_them = await Permission.objects.filter(user=await request.auser()).acount()
    name = str(await request.auser())
    return JsonResponse({"name": name, "number": number, "all": all_of_them})


class Page(View):
    async def get(self, request):
        user = await self.request.auser()
        return JsonResponse({"name": user.username, "old": await self.request.session.apop("number", None)})
