from django.urls import path

from security import elsewhere, remote, tenants, uploads

urlpatterns = [
    path("remote/", remote.own),
    path("remote/ready/", remote.ready),
    path("upload/", uploads.upload),
    path("import/", uploads.Import.as_view()),
    path("allowed/", uploads.allowed),
    path("address/", uploads.by_address),
    path("logged/", uploads.logged),
    path("limited/", uploads.limited),
    path("tenants/", tenants.reads),
    path("tenants/follows/", tenants.reads_what_follows),
    path("tenants/thread/", tenants.reads_in_a_thread),
    path("tenants/language/", tenants.keep_language),
    path("tenants/remember/", tenants.remember),
    path("tenants/count/", tenants.count),
    path("tenants/register/", tenants.register),
    path("tenants/elsewhere/", elsewhere.reads_from_here),
]
