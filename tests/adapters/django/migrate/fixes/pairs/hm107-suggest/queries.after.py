"""Queries in coroutines."""

from django.contrib.auth import alogin
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.shortcuts import aget_object_or_404, render


async def methods(request, pk):
    user = await User.objects.aget(pk=pk)
    name = (await User.objects.filter(pk=pk).afirst()).username
    text = f"{name} of"
    number = 1 + await Permission.objects.acount() ** 2
    if not await User.objects.filter(pk=pk).aexists() and number:
        await User.objects.acreate(username=text)
    found, made = (
        await User.objects
        # By name.
        .filter(is_staff=True)
        .aget_or_create(username=name)
    )
    last = (await User.objects.alast()).username
    user.username = last
    await user.asave(update_fields=["username"])
    await user.arefresh_from_db()
    try:
        await user.adelete()
    except User.DoesNotExist:
        await User.objects.filter(pk=pk).aupdate(username="gone")
    return HttpResponse(found.username if made else (await User.objects.aearliest("pk")).username)


async def awaited_already(request, pk):
    return await User.objects.aget(pk=pk)


async def loops(request):
    names = []
    async for user in User.objects.filter(is_staff=True).order_by("pk"):  # all of them
        names.append(user.username)
        for each in user.groups.all():
            names.append(each.name)
    async for user in User.objects.aiterator(chunk_size=10):
        names.append(user.username)
    else:
        names.append("")
    query = User.objects.all()
    names += [user.username async for user in query]
    names += [text for text in names async for user in User.objects.all() if user.username == text]
    numbers = {user.pk: user async for user in User.objects.all()[:5]}
    return names, numbers


async def looked_at(request):
    users = [each async for each in User.objects.filter(is_staff=True)]
    numbers = {each async for each in User.objects.values_list("pk", flat=True)}
    ordered = sorted([each async for each in User.objects.all()], key=lambda each: each.username)
    for number, user in enumerate([each async for each in User.objects.all().aiterator()]):
        ordered.append((number, user))
    query = User.objects.filter(is_superuser=True)
    if await query.aexists():
        users += ordered
    elif not await User.objects.filter(is_staff=True).aexists():
        return len([each async for each in query])
    return tuple(users), numbers


async def functions(request, pk):
    user = await aget_object_or_404(User, pk=pk)
    await alogin(request, user)
    return render(request, "user.html", {"user": user, "name": (await aget_object_or_404(User, pk=1)).username})


async def begins_with(request):
    return list(each for each in (await User.objects.afirst()).username)
