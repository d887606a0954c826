"""What people fill in."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.template.defaultfilters import filesizeformat

from demo_django.desk.models import Attachment, Comment, Ticket


class TicketForm(forms.ModelForm):
    """A ticket. Of two who change the same one, the second is told what the first has done."""

    data: Any
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        """The fields."""

        model = Ticket
        fields = ("title", "description", "status", "priority", "assignee")
        widgets = {"description": forms.Textarea(attrs={"rows": 6})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].empty_label = "nobody yet"
        if self.instance.pk:
            self.fields["version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        """Refuse what was written on an older version."""
        cleaned: dict[str, Any] = super().clean()
        if self.instance.pk and cleaned.get("version") != self.instance.version:
            self.data = {**self.data.dict(), "version": self.instance.version}
            raise forms.ValidationError(
                "Somebody has changed this ticket since you opened it: look at its page, and save again to"
                " have yours instead."
            )
        return cleaned

    def changes(self) -> str:
        """Say in words what was changed, from what to what."""
        said = []
        for name in self.changed_data:
            if name in ("status", "priority"):
                field = self.fields[name]
                labels = {str(key): label for key, label in field.choices}
                said.append(
                    f"{name}: {labels[str(self.initial[name])]} → {labels[str(self.cleaned_data[name])]}"
                )
            elif name == "assignee":
                said.append(f"assignee: {self.cleaned_data[name] or 'nobody'}")
            elif name != "version":
                said.append(name)
        return ", ".join(said)


class CommentForm(forms.ModelForm):
    """What somebody says."""

    class Meta:
        """The field."""

        model = Comment
        fields = ("text",)
        labels = {"text": "Your comment"}
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}


class AttachmentForm(forms.Form):
    """A file."""

    file = forms.FileField(label="Attach a file", max_length=255)

    def __init__(self, *args: Any, ticket: Ticket, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ticket = ticket

    def clean_file(self) -> Any:
        """Refuse what is too large, or too much."""
        file = self.cleaned_data["file"]
        if file.size > settings.ATTACHMENT_SIZE:
            raise forms.ValidationError(f"A file has at most {filesizeformat(settings.ATTACHMENT_SIZE)}.")
        if self.ticket.attachments.count() >= settings.ATTACHMENTS:
            raise forms.ValidationError(f"A ticket has at most {settings.ATTACHMENTS} files.")
        return file

    def save(self, author: Any) -> Attachment:
        """Keep the file."""
        file = self.cleaned_data["file"]
        name = Attachment.safe_name(file.name)
        kept: Attachment = self.ticket.attachments.create(author=author, file=file, name=name, size=file.size)
        return kept


class FilterForm(forms.Form):
    """Which tickets somebody wants to see."""

    q = forms.CharField(
        label="Search", required=False, max_length=100, widget=forms.TextInput({"type": "search"})
    )
    status = forms.ChoiceField(choices=[("", "any"), *Ticket.Status.choices], required=False)
    priority = forms.ChoiceField(choices=[("", "any"), *Ticket.Priority.choices], required=False)
    assignee = forms.ChoiceField(
        choices=[("", "anybody"), ("me", "me"), ("nobody", "nobody")], required=False
    )

    def tickets(self, user: Any) -> "QuerySet[Ticket]":
        """Return those; all of them where the form says nothing that can be understood."""
        found = Ticket.objects.select_related("assignee", "author")
        said = self.cleaned_data if self.is_valid() else {}
        if said.get("q"):
            found = found.filter(Q(title__icontains=said["q"]) | Q(description__icontains=said["q"]))
        for name in ("status", "priority"):
            if said.get(name):
                found = found.filter(**{name: said[name]})
        if said.get("assignee"):
            found = found.filter(assignee=user if said["assignee"] == "me" else None)
        return found
