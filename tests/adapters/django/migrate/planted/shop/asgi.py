import os

from breaks.wrappers import CountedASGI  # not HM115
from breaks.routing import sockets  # HM115
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings_live")  # HM115
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # HM115

application = CountedASGI(get_asgi_application())
again = get_asgi_application()  # HM115

from breaks.models import Order  # not HM115

if os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE"):  # not HM115
    sockets.append(Order)
