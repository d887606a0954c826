import os

from django.core.wsgi import get_wsgi_application

from breaks.wrappers import CountedWSGI, Prefixed

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()
application = Prefixed(application)  # HM114
application = CountedWSGI(application)  # not HM114
