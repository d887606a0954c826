"""All of them."""

from django.urls import include, path, re_path

from till import views

TILL = [name for name, each in vars(views).items() if getattr(each, "__module__", "") == views.__name__]

urlpatterns = [
    path("", views.home, name="home"),
    *(path(f"{name}/", getattr(views, name), name=name) for name in TILL if name not in ("names", "after")),
    path("coins/<int:number>/", views.home, name="coin"),
    path("deep/", include(([path("er/", views.home, name="er")], "deep"), namespace="deep")),
    re_path(r"^old(?:/page)?/$", views.home),
    re_path(r"^(?P<page>\w+)/old$", views.home),
]
