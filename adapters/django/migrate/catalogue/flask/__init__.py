"""The rules of Flask applications that come from other servers, or may go to Quart.

Their lanes are: ``wsgi`` for the threads that a Flask application is served by, ``asgi`` for Quart.
"""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.flask.breaks import BREAKS
from hybrid.adapters.django.migrate.catalogue.flask.capacity import CAPACITY
from hybrid.adapters.django.migrate.catalogue.flask.meaning import MEANING

FLASK: Final = (*BREAKS, *CAPACITY, *MEANING)
