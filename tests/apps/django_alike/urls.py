"""The routes of the project: what is in a coroutine is below ``async/``."""

from django.db.transaction import non_atomic_requests  # type: ignore[import-untyped]
from django.urls import path, re_path  # type: ignore[import-untyped]

from tests.apps.django_alike import stateful, streams, views

urlpatterns = [
    *(path(name, sync) for name, (sync, _) in views.BOTH.items()),
    *(path(f"async/{name}", asynchronous) for name, (_, asynchronous) in views.BOTH.items()),
    re_path(r"^echo/.*$", views.BOTH["echo"][0]),
    re_path(r"^async/echo/.*$", views.BOTH["echo"][1]),
    re_path(r"^$", views.BOTH["echo"][0]),
    path("slash/", views.BOTH["quiet"][0]),
    path("conditional", views.conditional),
    path("class", views.SyncView.as_view()),
    path("async/class", non_atomic_requests(views.AsyncView.as_view())),
    path("mixed", views.mixed),
    path("session", stateful.session),
    path("async/session", stateful.async_session),
    path("sign-in", stateful.sign_in),
    path("sign-out", stateful.sign_out),
    path("user", stateful.user),
    path("async/user", stateful.async_user),
    path("leave-message", stateful.leave_message),
    path("messages", stateful.messages),
    path("group-and-fail", stateful.group_and_fail),
    path("group", stateful.group),
    path("groups", stateful.groups),
    path("async/groups", stateful.async_groups),
    path("async/atomic", stateful.async_atomic),
    path("async/unsafe", stateful.async_unsafe),
    path("crossing", views.crossing),
    path("own-loop", views.own_loop),
    path("async/crossing", views.async_crossing),
    path("async/background", views.async_background),
    path("stream", streams.stream),
    path("stream-of-async", streams.stream_of_async),
    path("async/stream", streams.async_stream),
    path("async/stream-of-sync", streams.async_stream_of_sync),
    path("stream-with-length", streams.with_length),
    path("file", streams.file),
    path("async/file", streams.async_file),
    path("file-in-memory", streams.file_in_memory),
    path("waits", streams.waits),
    path("async/waits", streams.async_waits),
]
