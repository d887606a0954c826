from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from meaning import views

urlpatterns = [
    path("orders/", views.orders),
    path("orders/class/", views.Orders.as_view()),
    path("orders/safe/", views.safe),
    path("limited/", views.limited),
    path("swallows/", views.swallows),
    path("ready/", views.is_ready),
]
translated = i18n_patterns(path("orders/", views.orders))  # HM411
