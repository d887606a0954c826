"""The desk in Django's admin. What is changed here, open pages hear of as well."""

from django.contrib import admin

from demo_django.desk.models import Attachment, Comment, Ticket


class CommentInline(admin.TabularInline):
    """The comments of a ticket."""

    model = Comment
    extra = 0
    fields = readonly_fields = ("author", "text", "created")
    can_delete = False

    def has_add_permission(self, *_: object) -> bool:
        """Nobody speaks from here."""
        return False


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):
    """Tickets."""

    list_display = ("__str__", "status", "priority", "assignee", "updated")
    list_filter = ("status", "priority", "assignee")
    list_select_related = ("assignee",)
    search_fields = ("title", "description")
    inlines = (CommentInline,)

    def has_add_permission(self, *_: object) -> bool:
        """Tickets are written on the desk's own pages."""
        return False


@admin.register(Attachment)
class AttachmentAdmin(admin.ModelAdmin):
    """Attachments, which can be looked through and removed."""

    list_display = ("name", "ticket", "author", "size", "created")
    list_select_related = ("ticket", "author")
    fields = readonly_fields = ("name", "ticket", "author", "size", "created")

    def has_add_permission(self, *_: object) -> bool:
        """They are uploaded on the page of their ticket."""
        return False
