"""Views that remember: sessions, users, messages, the database."""

from django.contrib.auth import authenticate, login, logout  # type: ignore[import-untyped]
from django.contrib.auth.models import Group, User  # type: ignore[import-untyped]
from django.contrib.messages import add_message, get_messages  # type: ignore[import-untyped]
from django.db.transaction import non_atomic_requests  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # type: ignore[import-untyped]
from django.middleware.csrf import get_token  # type: ignore[import-untyped]


def session(request: HttpRequest) -> HttpResponse:
    """Count visits."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_session(request: HttpRequest) -> HttpResponse:
    """Count visits."""
    await request.session.aset("visits", await request.session.aget("visits", 0) + 1)
    return HttpResponse(str(await request.session.aget("visits")))


def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a password, by a form with a token."""
    user = authenticate(request, username=request.POST.get("name"), password=request.POST.get("password"))
    if user is None:
        return HttpResponse(get_token(request))
    login(request, user)
    return HttpResponseRedirect("/user")


def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    logout(request)
    return HttpResponse("gone")


def user(request: HttpRequest) -> HttpResponse:
    """Tell who has signed in."""
    return HttpResponse(str(request.user))


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_user(request: HttpRequest) -> HttpResponse:
    """Tell who has signed in."""
    return HttpResponse(str(await request.auser()))


def leave_message(request: HttpRequest) -> HttpResponse:
    """Leave a message for the next page."""
    add_message(request, 20, "left by a view")
    return HttpResponseRedirect("/messages")


def messages(request: HttpRequest) -> HttpResponse:
    """Show messages."""
    return HttpResponse(", ".join(map(str, get_messages(request))))


# The database.


def group_and_fail(request: HttpRequest) -> HttpResponse:
    """Make a group, and fail: with ATOMIC_REQUESTS there is none."""
    Group.objects.create(name="made")
    raise ValueError("after the group")


def group(request: HttpRequest) -> HttpResponse:
    """Make a group."""
    Group.objects.create(name=request.GET["name"])
    return HttpResponse("made")


def groups(request: HttpRequest) -> HttpResponse:
    """Count groups."""
    return HttpResponse(str(Group.objects.count()))


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_groups(request: HttpRequest) -> HttpResponse:
    """Count groups."""
    return HttpResponse(str(await Group.objects.acount()))


async def async_atomic(request: HttpRequest) -> HttpResponse:
    """Be a coroutine where ATOMIC_REQUESTS wants functions."""
    return HttpResponse("never")


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_unsafe(request: HttpRequest) -> HttpResponse:
    """Ask the database from a coroutine, which Django refuses."""
    return HttpResponse(str(User.objects.count()))
