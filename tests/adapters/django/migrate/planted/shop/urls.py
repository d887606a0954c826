from django.urls import include, path

urlpatterns = [
    path("breaks/", include("breaks.urls")),
    path("security/", include("security.urls")),
    path("capacity/", include("capacity.urls")),
    path("meaning/", include("meaning.urls")),
    path("sockets/", include("sockets.urls")),
]
