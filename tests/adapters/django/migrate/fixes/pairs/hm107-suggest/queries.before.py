"""Queries in coroutines."""

from django.contrib.auth import login as auth_login
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render


async def methods(request, pk):
    user = User.objects.get(pk=pk)
    name = User.objects.filter(pk=pk).first().username
    text = f"{name} of"
    number = 1 + Permission.objects.count() ** 2
    if not User.objects.filter(pk=pk).exists() and number:
        User.objects.create(username=text)
    found, made = (
        User.objects
        # By name.
        .filter(is_staff=True)
        .get_or_create(username=name)
    )
    last = (User.objects.last()).username
    user.username = last
    user.save(update_fields=["username"])
    user.refresh_from_db()
    try:
        user.delete()
    except User.DoesNotExist:
        User.objects.filter(pk=pk).update(username="gone")
    return HttpResponse(found.username if made else User.objects.earliest("pk").username)


async def awaited_already(request, pk):
    return await User.objects.get(pk=pk)


async def loops(request):
    names = []
    for user in User.objects.filter(is_staff=True).order_by("pk"):  # all of them
        names.append(user.username)
        for each in user.groups.all():
            names.append(each.name)
    for user in User.objects.iterator(chunk_size=10):
        names.append(user.username)
    else:
        names.append("")
    query = User.objects.all()
    names += [user.username for user in query]
    names += [text for text in names for user in User.objects.all() if user.username == text]
    numbers = {user.pk: user for user in User.objects.all()[:5]}
    return names, numbers


async def looked_at(request):
    users = list(User.objects.filter(is_staff=True))
    numbers = set(User.objects.values_list("pk", flat=True))
    ordered = sorted(User.objects.all(), key=lambda each: each.username)
    for number, user in enumerate(User.objects.all().iterator()):
        ordered.append((number, user))
    query = User.objects.filter(is_superuser=True)
    if query:
        users += ordered
    elif not User.objects.filter(is_staff=True):
        return len(query)
    return tuple(users), numbers


async def functions(request, pk):
    user = get_object_or_404(User, pk=pk)
    auth_login(request, user)
    return render(request, "user.html", {"user": user, "name": get_object_or_404(User, pk=1).username})


async def begins_with(request):
    return list(each for each in User.objects.first().username)
