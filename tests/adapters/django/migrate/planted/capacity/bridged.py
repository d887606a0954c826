"""HM312."""

from asgiref.wsgi import WsgiToAsgi
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application


def bridged():
    return WsgiToAsgi(get_wsgi_application())  # HM312


def not_bridged():
    return get_asgi_application()  # not HM312
