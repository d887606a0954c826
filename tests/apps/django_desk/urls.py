"""The routes of the project."""

from django.urls import include, path, re_path  # type: ignore[import-untyped]

from tests.apps.django_desk import views

urlpatterns = [
    path("sync", views.sync, name="sync"),
    path("async", views.asynchronous, name="async"),
    path("class/async", views.AsyncView.as_view(), name="class-async"),
    path("class/sync", views.SyncView.as_view(), name="class-sync"),
    path("marked", views.marked),
    path("tickets/<int:number>", views.ticket, name="ticket"),
    re_path(r"^any/.*$", views.sync),
    path("desk/", include(([path("list", views.sync, name="list")], "desk"))),
    path("meta", views.meta),
    path("async/meta", views.async_meta),
    path("body", views.body),
    path("async/body", views.async_body),
    path("users", views.users),
    path("async/users", views.async_users),
    path("async/user", views.async_user),
    path("stream", views.stream),
    path("stream/of-async", views.stream_of_async),
    path("async/stream", views.async_stream),
    path("async/stream/of-sync", views.async_stream_of_sync),
    path("failing-stream", views.failing_stream),
    path("async/failing-stream", views.async_failing_stream),
    path("file", views.file),
    path("async/file", views.async_file),
    path("broken", views.broken),
    path("async/broken", views.async_broken),
    path("not-modified", views.not_modified),
    path("async/not-modified", views.async_not_modified),
    path("async/waits", views.async_waits),
    path("signals", views.signals_seen),
    path("threads", views.threads_seen),
    path("who", views.who),
    path("async/who", views.async_who),
]
