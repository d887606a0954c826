"""The pages: plain synchronous views, which run on threads."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from demo_django.desk.forms import AttachmentForm, CommentForm, FilterForm, TicketForm
from demo_django.desk.models import Attachment, Ticket

PER_PAGE = 15


@require_safe
@login_required
def tickets(request: HttpRequest) -> HttpResponse:
    """List tickets."""
    form = FilterForm(request.GET)
    found = form.tickets(request.user)
    query = request.GET.copy()
    query.pop("page", None)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "desk/tickets.html", {"form": form, "page": page, "query": query.urlencode()})


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Write a ticket."""
    form = TicketForm(request.POST or None, instance=Ticket(author=request.user))
    if form.is_valid():
        return redirect(form.save())
    return render(request, "desk/edit.html", {"form": form})


@login_required
def ticket(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a ticket."""
    shown = get_object_or_404(Ticket.objects.select_related("author", "assignee"), pk=pk)
    return _show(request, shown)


def _show(request: HttpRequest, shown: Ticket, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "ticket": shown,
        "comments": shown.comments.select_related("author"),
        "attachments": shown.attachments.select_related("author"),
        "comment_form": CommentForm(),
        "attachment_form": AttachmentForm(ticket=shown),
        **forms,
    }
    return render(request, "desk/ticket.html", context, status=status)


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a ticket."""
    if request.method == "POST":
        return _save(request, pk)
    changed = get_object_or_404(Ticket, pk=pk)
    return render(request, "desk/edit.html", {"form": TicketForm(instance=changed), "ticket": changed})


@transaction.atomic
def _save(request: HttpRequest, pk: int) -> HttpResponse:
    changed = get_object_or_404(Ticket.objects.select_for_update(), pk=pk)
    form = TicketForm(request.POST, instance=changed)
    if not form.is_valid():
        status = 409 if form.non_field_errors() else 400
        return render(request, "desk/edit.html", {"form": form, "ticket": changed}, status=status)
    if said := form.changes():
        form.save()
        changed.comments.create(author=request.user, text=said, is_change=True)
    return redirect(changed)


@require_POST
@login_required
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Say something about a ticket."""
    about = get_object_or_404(Ticket, pk=pk)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _show(request, about, 400, comment_form=form)
    form.instance.ticket, form.instance.author = about, request.user
    said = form.save()
    return redirect(f"{about.get_absolute_url()}#comment-{said.pk}")


@require_POST
@login_required
def attach(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a file."""
    about = get_object_or_404(Ticket, pk=pk)
    form = AttachmentForm(request.POST, request.FILES, ticket=about)
    if not form.is_valid():
        return _show(request, about, 400, attachment_form=form)
    messages.success(request, f"{form.save(request.user)} is attached.")
    return redirect(about)


@require_safe
@login_required
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    """Send a file, for the disk and never for the window: it may be a page with a script."""
    wanted = get_object_or_404(Attachment, pk=pk)
    return FileResponse(
        wanted.file.open(), as_attachment=True, filename=wanted.name, content_type="application/octet-stream"
    )


@require_safe
@login_required
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Send the tickets of the list as a table, row by row: many take no more memory than few."""
    found = FilterForm(request.GET).tickets(request.user)
    headers = {"Content-Disposition": 'attachment; filename="tickets.csv"'}
    return StreamingHttpResponse(_rows(found), content_type="text/csv; charset=utf-8", headers=headers)


class _Line:
    """A file for `csv.writer` that gives back what is written."""

    def write(self, line: str) -> str:
        return line


def _rows(found: Any) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(["number", "title", "status", "priority", "author", "assignee", "created"])
    for each in found.iterator(chunk_size=500):
        row = [each.pk, each.title, each.get_status_display(), each.get_priority_display()]
        row += [each.author, each.assignee or "", each.created.isoformat(timespec="seconds")]
        yield writer.writerow(map(_harmless, row))


def _harmless(value: object) -> str:
    """Keep a spreadsheet from taking what somebody wrote for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
