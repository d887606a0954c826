from django.urls import path

from breaks import atomic

urlpatterns = [
    path("atomic/", atomic.atomic),
    path("not-atomic/", atomic.not_atomic),
    path("synchronous/", atomic.synchronous),
]
