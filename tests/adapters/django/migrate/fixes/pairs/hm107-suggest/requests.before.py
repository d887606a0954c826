"""Parts of requests in coroutines."""

from django.contrib.auth.models import Permission
from django.http import JsonResponse
from django.views import View


async def view(request):
    if not request.user.is_authenticated:
        request.session["next"] = request.path
        return JsonResponse({})
    number = request.session.get("number", 0)
    for each in (1, 2):
        request.session["number"] = number + each; number += 1
    request.session.setdefault("first", 1)
    all_of_them = await Permission.objects.filter(user=request.user).acount()
    name = str(request.user)
    return JsonResponse({"name": name, "number": number, "all": all_of_them})


class Page(View):
    async def get(self, request):
        user = self.request.user
        return JsonResponse({"name": user.username, "old": self.request.session.pop("number", None)})
