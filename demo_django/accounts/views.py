"""Making an account."""

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters


@sensitive_post_parameters()
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account, and sign its owner in."""
    form = UserCreationForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("desk:tickets")
    return render(request, "registration/sign_up.html", {"form": form})
